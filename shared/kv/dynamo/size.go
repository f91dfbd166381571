package dynamo

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// DynamoDB's limits, in bytes: of an item with its attributes' names, and of all items of a transaction.
const (
	itemLimit        = 400 << 10
	transactionLimit = 4 << 20
)

// sizeOf is what DynamoDB counts for an item: names and values; a number takes a byte for two digits and one more, a
// list or map three bytes and one an element.
func sizeOf(item attributes) (n int) {
	for name, v := range item {
		n += len(name) + valueSize(v)
	}
	return n
}

func valueSize(v types.AttributeValue) int {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return len(v.Value)/2 + 2
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberL:
		n := 3
		for _, element := range v.Value {
			n += 1 + valueSize(element)
		}
		return n
	case *types.AttributeValueMemberM:
		return 3 + len(v.Value) + sizeOf(v.Value)
	default:
		return 1
	}
}

func tooLarge(key kv.Key, why string) error {
	return &fault.Error{Kind: fault.TooLarge, Text: "This is more than we can keep in one piece",
		Err: fmt.Errorf("dynamo: the item %v: %s; DynamoDB keeps at most 400 KB an item, its unsent messages and its attributes' names included. Nothing of the commit was written", key, why)}
}
