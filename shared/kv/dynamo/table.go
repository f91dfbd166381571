package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/banyan-migration/banyan/shared/fault"
)

// Missing lists the tables of the named services that are not there.
func (db *DB) Missing(ctx context.Context, names ...string) (tables []string, err error) {
	for _, name := range names {
		table := db.table(name)
		err := db.patiently(ctx, func(ctx context.Context) error {
			_, err := db.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
			return err
		})
		var none *types.ResourceNotFoundException
		switch {
		case errors.As(err, &none):
			tables = append(tables, table)
		case err != nil:
			return nil, told("look for the table", table, err)
		}
	}
	return tables, nil
}

// Ready says what stands against using the tables of the named services.
func (db *DB) Ready(ctx context.Context, names ...string) error {
	missing, err := db.Missing(ctx, names...)
	if err == nil && len(missing) > 0 {
		err = &fault.Error{Kind: fault.Unavailable, Text: notNow,
			Err: fmt.Errorf("dynamo: there is no table %s: template.yaml makes them, deploy it first, or check prefix, account and region. Nothing was written", strings.Join(missing, ", "))}
	}
	return err
}

// Create makes the tables of the named services that are not there, billed by request, with their index and expiry. It
// is for tests and emulators: real ones are the template's, which protects and backs them up.
func (db *DB) Create(ctx context.Context, names ...string) error {
	for _, name := range names {
		table, tries := db.table(name), 0
		err := db.patiently(ctx, func(ctx context.Context) error {
			tries++
			_, err := db.client.CreateTable(ctx, definition(table))
			return err
		})
		var there *types.ResourceInUseException
		if errors.As(err, &there) {
			if err = nil; tries == 1 { // otherwise it is ours, and the answer got lost
				continue
			}
		}
		if err == nil {
			err = dynamodb.NewTableExistsWaiter(db.client).Wait(ctx, &dynamodb.DescribeTableInput{TableName: &table}, time.Minute)
		}
		if err == nil {
			err = db.patiently(ctx, func(ctx context.Context) error {
				_, err := db.client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{TableName: &table,
					TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(expiry), Enabled: aws.Bool(true)}})
				if err != nil && strings.Contains(err.Error(), "already enabled") {
					return nil
				}
				return err
			})
		}
		if err != nil {
			return told("make the table", table, err)
		}
	}
	return nil
}

func definition(table string) *dynamodb.CreateTableInput {
	attribute := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: kind}
	}
	keys := func(hash, rang string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: &hash, KeyType: types.KeyTypeHash}, {AttributeName: &rang, KeyType: types.KeyTypeRange}}
	}
	return &dynamodb.CreateTableInput{
		TableName:   &table,
		BillingMode: types.BillingModePayPerRequest,
		KeySchema:   keys("p", "s"),
		AttributeDefinitions: []types.AttributeDefinition{
			attribute("p", types.ScalarAttributeTypeS), attribute("s", types.ScalarAttributeTypeS),
			attribute("q", types.ScalarAttributeTypeN), attribute("a", types.ScalarAttributeTypeN),
		},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String(index), KeySchema: keys("q", "a"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}}},
	}
}
