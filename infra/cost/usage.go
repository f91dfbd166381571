package cost

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// Measured is what a run of the services did, counted and not guessed. It is scaled to a month by its donations.
type Measured struct {
	Donations  int64      `json:"donations"`
	Functions  []Function `json:"functions"`
	Requests   int64      `json:"requests"` // through the HTTP API
	Writes     []Items    `json:"writes"`
	Reads      []Items    `json:"reads"`
	Messages   int64      `json:"messages"`     // that services sent each other
	AnswerSize int64      `json:"answer_bytes"` // mean, of answers to the outside
}

// Function is one service as Lambda would run it.
type Function struct {
	Name     string        `json:"name"`
	Calls    int64         `json:"calls"` // HTTP requests, messages and ticks
	Duration time.Duration `json:"duration_ns"`
}

// Items are stored or read together: how many, of what size.
type Items struct {
	Table       string `json:"table"`
	Count       int64  `json:"count"`
	Bytes       int64  `json:"bytes"`       // mean of one
	Transaction bool   `json:"transaction"` // billed twice
}

// The assumptions of an estimate. They are printed beside it.
const (
	memoryMB     = 256       // of every function, arm
	coldPermille = 10        // calls that find no warm function
	initMS       = 120       // start of a Go function, billed on provided.al2023
	logBytes     = 600       // of a call's log lines, START to REPORT included
	logMonths    = 1         // logs are kept as long
	itemLife     = 12        // months of donations that lie in the tables
	idlePolls    = 648_000   // empty receives a queue a month: five pollers, 20 s each
	httpStep     = 512 << 10 // an HTTP API counts a request in such steps
	sqsStep      = 64 << 10  // a queue does likewise
	messageBytes = 2 << 10   // of an envelope with its data
	monthHours   = 730       //
	gigabyte     = 1 << 30   //
	secretsEach  = 1         // secrets a service
	alarmsEach   = 4         // alarms a service
	taskCPU      = "0.25"    // processors of a gateway's task
	taskMemory   = "0.5"     // GB of it
	tasks        = 2         // in two zones
	balancerLCUs = 1         // capacity units, mean
)

func assumptions(m Measured, donations int64) []string {
	return []string{
		fmt.Sprintf("%s donations a month, each causing what one caused in the run (%s donations)", group(donations), group(m.Donations)),
		fmt.Sprintf("functions have %d MB on arm and take as long as they took in the run, on another processor", memoryMB),
		fmt.Sprintf("%d of 1,000 calls are cold and bill %d ms of start", coldPermille, initMS),
		fmt.Sprintf("a call logs %d bytes; logs are kept %d month, donations %d months", logBytes, logMonths, itemLife),
		"messages go through one SNS topic to one SQS queue a service: one publish, one delivery, one receive and one delete each",
		fmt.Sprintf("functions run outside a VPC; inside one, each NAT gateway would add %d hours and every GB through it", monthHours),
		"prices are list prices before tax, savings plans and credits",
	}
}

// item is one line's quantity.
type item struct {
	group, rate string
	quantity    decimal.Decimal
	note        string
}

// Groups of lines.
const (
	Serving   = "what serves"
	Forgotten = "what is often forgotten"
	Strangler = "while both sites run"
)

// items turns a run into a month's quantities.
func (m Measured) items(donations int64) []item {
	scale := func(n int64) decimal.Decimal {
		return decimal.NewFromInt(n).Mul(decimal.NewFromInt(donations)).DivRound(decimal.NewFromInt(m.Donations), 0)
	}
	var all []item
	add := func(group, rate string, quantity decimal.Decimal, note string) {
		all = append(all, item{group, rate, quantity, note})
	}
	var calls int64
	billed := decimal.Zero // GB-seconds of warm calls, in the run
	for _, f := range m.Functions {
		calls += f.Calls
		ms := (f.Duration + time.Millisecond - 1) / time.Millisecond // Lambda bills whole milliseconds, upwards
		billed = billed.Add(gbSeconds(decimal.NewFromInt(f.Calls * int64(max(ms, 1)))))
	}
	grow := decimal.NewFromInt(donations).DivRound(decimal.NewFromInt(m.Donations), 9)
	deliveries := scale(m.Messages * steps(messageBytes, sqsStep))

	add(Serving, "lambda-requests", scale(calls), "")
	add(Serving, "lambda-arm", billed.Mul(grow).Round(3), "measured duration, whole milliseconds")
	add(Serving, "http-api", scale(m.Requests*steps(m.AnswerSize, httpStep)), "metered in steps of 512 KB")
	add(Serving, "dynamodb-writes", scale(units(m.Writes, 1<<10)), "one unit a KB; a transaction counts twice")
	add(Serving, "dynamodb-reads", scale(units(m.Reads, 4<<10)), "consistent, one unit for 4 KB")
	add(Serving, "sns", scale(m.Messages), "")
	add(Serving, "sqs", deliveries.Mul(decimal.NewFromInt(3)), "delivery, receive and delete, in steps of 64 KB")
	add(Serving, "data-out", scale(m.Requests*m.AnswerSize).DivRound(decimal.NewFromInt(gigabyte), 6), "")

	services := decimal.NewFromInt(int64(len(m.Functions)))
	cold := scale(calls*coldPermille).DivRound(decimal.NewFromInt(1000), 0)
	logs := scale(calls*logBytes).DivRound(decimal.NewFromInt(gigabyte), 6)
	stored := scale(size(m.Writes)*itemLife).DivRound(decimal.NewFromInt(gigabyte), 6)
	add(Forgotten, "lambda-arm", gbSeconds(cold.Mul(decimal.NewFromInt(initMS))).Round(3), "start of cold functions")
	add(Forgotten, "sqs", services.Mul(decimal.NewFromInt(idlePolls)), "polls that find nothing: five pollers a queue, 20 s each")
	add(Forgotten, "dynamodb-writes", scale(2*m.Messages), "the index of unsent messages: in and out again")
	add(Forgotten, "logs-ingest", logs, "")
	add(Forgotten, "logs-storage", logs.Mul(decimal.NewFromInt(logMonths)), "")
	add(Forgotten, "dynamodb-storage", stored, "")
	add(Forgotten, "dynamodb-backup", stored, "")
	add(Forgotten, "secrets", services.Mul(decimal.NewFromInt(secretsEach)), "")
	add(Forgotten, "alarms", services.Mul(decimal.NewFromInt(alarmsEach)), "")
	add(Forgotten, "nat-hours", decimal.Zero, "none: functions run outside a VPC")
	add(Forgotten, "kms-keys", services, "one key a table and queue")
	add(Forgotten, "traces", scale(m.Requests).DivRound(decimal.NewFromInt(20), 0), "one request of 20")

	hours := decimal.NewFromInt(monthHours)
	perTask := decimal.NewFromInt(tasks).Mul(hours)
	add(Strangler, "fargate-cpu", perTask.Mul(decimal.RequireFromString(taskCPU)), "the gateway: two tasks of 0.25 vCPU")
	add(Strangler, "fargate-memory", perTask.Mul(decimal.RequireFromString(taskMemory)), "and 0.5 GB")
	add(Strangler, "alb-hours", hours, "")
	add(Strangler, "alb-capacity", hours.Mul(decimal.NewFromInt(balancerLCUs)), "")
	add(Strangler, "ipv4", perTask.Mul(decimal.NewFromInt(2)), "the tasks' and the load balancer's, two each")
	return all
}

// gbSeconds are those of so many milliseconds in a function's memory.
func gbSeconds(ms decimal.Decimal) decimal.Decimal {
	return ms.Mul(decimal.NewFromInt(memoryMB)).DivRound(decimal.NewFromInt(1024*1000), 9)
}

// steps is how many steps of a size something is metered as: at least one.
func steps(bytes, step int64) int64 {
	return max(1, (bytes+step-1)/step)
}

func units(all []Items, step int64) int64 {
	var n int64
	for _, i := range all {
		each := steps(i.Bytes, step)
		if i.Transaction {
			each *= 2
		}
		n += i.Count * each
	}
	return n
}

func size(all []Items) int64 {
	var n int64
	for _, i := range all {
		n += i.Count * i.Bytes
	}
	return n
}
