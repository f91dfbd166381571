package kv

import "hash/fnv"

// ShardOf is the shard of the messages that writes of a key cause: a stable hash, the same in every adapter.
func ShardOf(key Key) int {
	h := fnv.New32a()
	h.Write([]byte(key.Part))
	h.Write([]byte{0})
	h.Write([]byte(key.Sort))
	return int(h.Sum32() % Shards)
}
