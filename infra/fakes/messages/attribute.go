package messages

import (
	"crypto/md5" // the checksum that the protocol of SQS has
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// attribute is a message's, as both protocols have it.
type attribute struct {
	DataType    string
	StringValue string `json:",omitempty"`
	BinaryValue []byte `json:",omitempty"`
}

func sum(raw []byte) string {
	s := md5.Sum(raw)
	return hex.EncodeToString(s[:])
}

// sumOf is SQS's checksum of a message's attributes, "" without any.
func sumOf(all map[string]attribute) string {
	if len(all) == 0 {
		return ""
	}
	var b []byte
	add := func(s string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a := all[name]
		add(name)
		add(a.DataType)
		if strings.HasPrefix(a.DataType, "Binary") {
			b = append(b, 2)
			add(string(a.BinaryValue))
		} else {
			b = append(b, 1)
			add(a.StringValue)
		}
	}
	return sum(b)
}

func sizeOf(body string, all map[string]attribute) int {
	n := len(body)
	for name, a := range all {
		n += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	return n
}

// check refuses what both services refuse: attributes without a type or a value, and text that XML 1.0 cannot say.
func check(body string, all map[string]attribute) *failure {
	for name, a := range all {
		kind, _, _ := strings.Cut(a.DataType, ".")
		text := kind == "String" || kind == "Number"
		if name == "" || !text && kind != "Binary" || text && a.StringValue == "" || !text && len(a.BinaryValue) == 0 {
			return wrong("InvalidParameterValue", "The message attribute '"+name+"' has an invalid type or no value")
		}
	}
	for _, c := range body {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF {
			return wrong("InvalidMessageContents", "Invalid characters found")
		}
	}
	return nil
}
