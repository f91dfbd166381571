// Package dynamo keeps the services' data in DynamoDB: a table a service, an item a key, and in the item itself the
// messages that nobody has confirmed, so that an ordinary write with its messages is one write and no transaction.
// Only a commit of several items is a transaction, which is billed double.
package dynamo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/logging"

	"github.com/banyan-migration/banyan/shared/kv"
)

// DB is the tables that share a prefix, in one account and region. Safe for concurrent use; it holds nothing open.
type DB struct {
	Now func() time.Time // decides what has expired; nil: the clock. Set before use

	client *dynamodb.Client
	prefix string
}

// DynamoDB allows 255 characters for a table's name; a service's name takes some.
var (
	prefixed = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,200}$`)
	named    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,40}$`)
)

// ErrPrefix says that a prefix is none that tables can have.
var ErrPrefix = errors.New("a prefix of tables is letters, digits, dot, hyphen and underscore, at most 200")

// Open finds account, region and endpoint as AWS's own tools do: by the environment (AWS_REGION, AWS_ENDPOINT_URL_DYNAMODB
// for an emulator) and the files in ~/.aws, and says what of it is missing. It asks nothing of DynamoDB yet; Ready does.
func Open(ctx context.Context, prefix string, options ...func(*dynamodb.Options)) (*DB, error) {
	c, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{})) // what matters comes back as an error
	if err != nil {
		return nil, fmt.Errorf("dynamo: %w", err)
	}
	db, err := With(c, prefix, options...)
	if err != nil {
		return nil, err
	}
	if _, err := db.client.Options().Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("dynamo: AWS's credentials are missing: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (for an emulator anything will do): %w", err)
	}
	return db, nil
}

// With is Open for who has AWS's configuration already, as a function has: it asks nothing of anybody.
func With(c aws.Config, prefix string, options ...func(*dynamodb.Options)) (*DB, error) {
	if !prefixed.MatchString(prefix) {
		return nil, fmt.Errorf("dynamo: %q: %w", prefix, ErrPrefix)
	}
	client := dynamodb.NewFromConfig(c, append(options, func(o *dynamodb.Options) {
		o.Retryer = aws.NopRetryer{} // patiently tries again, and knows what was tried
		o.HTTPClient = unhurried{o.HTTPClient}
		if Emulator(aws.ToString(o.BaseEndpoint)) {
			o.HTTPClient = &inTurn{next: o.HTTPClient}
		}
	})...)
	if client.Options().Region == "" {
		return nil, errors.New("dynamo: no region is set: set AWS_REGION (for an emulator any will do, such as eu-west-1)")
	}
	return &DB{client: client, prefix: prefix}, nil
}

func (db *DB) now() time.Time {
	if db.Now != nil {
		return db.Now()
	}
	return time.Now()
}

// Emulated says that the endpoint is not AWS's own: an emulator, whose tables nobody but us makes.
func (db *DB) Emulated() bool { return Emulator(aws.ToString(db.client.Options().BaseEndpoint)) }

// amazon are the names below which AWS's endpoints stand, whatever the country: amazonaws.com, amazonaws.com.cn, amazonaws.eu,
// those of dual-stack in China and of its European cloud, and api.aws.
var amazon = regexp.MustCompile(`(?i)\.(amazonaws|amazonwebservices)\.(com|com\.cn|eu)\.?$|\.aws\.?$`)

// Emulator says that an endpoint, an http or https URL, is there and names none of AWS's own hosts, in whatever case they are
// written, with a final dot or without.
func Emulator(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !amazon.MatchString(u.Hostname())
}

// unhurried hides from net/http that a request's body can write itself: the SDK closes the body when an answer begins, its
// body then says io.EOF to a last look of net/http's, which takes that for a failure and cuts the answer off. A server on
// this machine is fast enough for it (smithy-go 1.28.8).
type unhurried struct{ aws.HTTPClient }

func (c unhurried) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return c.HTTPClient.Do(r)
}

// inTurn makes one call to an emulator after the other: moto undoes a refused transaction by putting the whole table
// back as it was, and with it what others wrote meanwhile.
type inTurn struct {
	mu   sync.Mutex
	next aws.HTTPClient
}

func (c *inTurn) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next.Do(r)
}

// Store is the table of a service, by its name in lower-case letters. It panics at a name that no table can have.
func (db *DB) Store(name string) kv.Store {
	if !named.MatchString(name) {
		panic(fmt.Sprintf("dynamo: %q is no name for a store: lower-case letters, digits and _", name))
	}
	return &store{db: db, table: db.table(name)}
}

func (db *DB) table(service string) string { return db.prefix + "-" + service }

// store is one service's table.
type store struct {
	db    *DB
	table string
}

// MaxWrites is how many items DynamoDB takes in one transaction.
func (s *store) MaxWrites() int { return 100 }
