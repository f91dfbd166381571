package cloud

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// recorded logs each call to AWS at the level debug: service, operation and what it is about, never data. The proof of the roles'
// permissions reads these lines.
func recorded(log *slog.Logger) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("banyan.recorded",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				line := []any{"service", awsmiddleware.GetServiceID(ctx), "operation", awsmiddleware.GetOperationName(ctx), "resource", strings.Join(resourcesOf(in.Parameters), ",")}
				if index := fieldOf(reflect.ValueOf(in.Parameters), "IndexName"); index != "" {
					line = append(line, "index", index)
				}
				if items := itemsOf(in.Parameters); len(items) > 0 {
					line = append(line, "items", strings.Join(items, ","))
				}
				log.DebugContext(ctx, "aws", line...)
				return next.HandleInitialize(ctx, in)
			}), middleware.After)
	}
}

// named are the fields of an input that say what a call is about; the first that is there counts.
var named = []string{"TableName", "TopicArn", "QueueUrl", "Bucket", "SecretId", "StateMachineArn", "FunctionName", "Name"}

// resourcesOf names what a call is about, in order, each once.
func resourcesOf(input any) []string {
	v := reflect.ValueOf(input)
	for _, field := range named {
		if text := fieldOf(v, field); text != "" {
			return []string{lastOf(text)}
		}
	}
	var all []string
	if several := at(v, "Names"); several.Kind() == reflect.Slice { // parameters, ten at once
		for i := range several.Len() {
			all = append(all, several.Index(i).String())
		}
	}
	each(v, "TransactItems", func(_ string, item reflect.Value) { all = append(all, fieldOf(item, "TableName")) })
	if requests := at(v, "RequestItems"); requests.Kind() == reflect.Map {
		for _, key := range requests.MapKeys() {
			all = append(all, key.String())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// itemsOf names the kinds of write in a transaction, in order, each once: a role permits these, and no transaction.
func itemsOf(input any) []string {
	var kinds []string
	each(reflect.ValueOf(input), "TransactItems", func(kind string, _ reflect.Value) { kinds = append(kinds, kind) })
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// each tells of every part of every item in a list, as the Put in a transaction.
func each(v reflect.Value, field string, tell func(kind string, item reflect.Value)) {
	list := at(v, field)
	if list.Kind() != reflect.Slice {
		return
	}
	for i := range list.Len() {
		item := list.Index(i)
		for j := range item.NumField() {
			if part := item.Field(j); part.Kind() == reflect.Pointer && !part.IsNil() {
				tell(item.Type().Field(j).Name, part)
			}
		}
	}
}

// at is a field of a struct or of what a pointer points at; the zero Value if there is none.
func at(v reflect.Value, field string) reflect.Value {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return v.FieldByName(field)
}

// fieldOf is a field's text, "" where there is none.
func fieldOf(v reflect.Value, field string) string {
	f := at(v, field)
	if f.Kind() == reflect.Pointer {
		f = f.Elem()
	}
	if f.Kind() != reflect.String {
		return ""
	}
	return f.String()
}

// lastOf is the name within an ARN or a queue's URL; a parameter's path is its name.
func lastOf(text string) string {
	if strings.HasPrefix(text, "arn:") {
		return text[strings.LastIndex(text, ":")+1:]
	}
	if strings.HasPrefix(text, "http") {
		return text[strings.LastIndex(text, "/")+1:]
	}
	return text
}
