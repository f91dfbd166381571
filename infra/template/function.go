package template

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What Lambda allows.
const (
	leastMemory, mostMemory = 128, 10240 // MB
	longest                 = 900        // seconds
	mostBatch               = 10_000
	layersAtMost            = 5
)

// function reads one, over what Globals say.
func function(id string, at, globals cursor) Function {
	own := at.field("Properties")
	if !own.there() {
		at.wrong("it has no Properties")
	}
	all := cursor{at.r, own.path, merged(globals.v, own.v)}
	f := Function{ID: id, Line: at.v.line, Name: all.field("FunctionName").text(), Handler: all.field("Handler").text(), Build: at.field("Metadata").field("BuildMethod").text(),
		Memory:      all.field("MemorySize").number(128, leastMemory, mostMemory),
		Timeout:     time.Duration(all.field("Timeout").number(3, 1, longest)) * time.Second,
		Environment: all.field("Environment").field("Variables").values(),
		Sets:        slices.Sorted(maps.Keys(own.field("Environment").field("Variables").v.fields)),
		Alias:       all.field("AutoPublishAlias").text()}
	if reserved := all.field("ReservedConcurrentExecutions"); reserved.there() {
		n := reserved.number(0, 0, 1_000_000)
		f.Reserved = &n
	}
	layers := all.field("Layers")
	for _, l := range layers.items() {
		f.Layers = append(f.Layers, l.value())
	}
	if len(f.Layers) > layersAtMost {
		layers.wrong("%d layers: a function has at most %d", len(f.Layers), layersAtMost)
	}
	f.deployment(all.field("DeploymentPreference"))
	for _, e := range all.field("Events").entries() {
		f.event(e)
	}
	return f
}

func api(id string, at cursor) API {
	a, with := API{ID: id, Variables: map[string]string{}, Line: at.v.line}, at.field("Properties")
	for _, v := range with.field("StageVariables").entries() {
		a.Variables[v.path[strings.LastIndexByte(v.path, '.')+1:]] = v.text()
	}
	if cors := with.field("CorsConfiguration"); cors.there() {
		a.CORS = &CORS{cors.field("AllowOrigins").texts(), cors.field("AllowMethods").texts(), cors.field("AllowHeaders").texts(), cors.field("AllowCredentials").truth(false)}
	}
	return a
}

func (f *Function) deployment(at cursor) {
	if !at.there() {
		return
	}
	hooks := at.field("Hooks")
	f.Deployment = Deployment{Enabled: at.field("Enabled").truth(true), Type: at.field("Type").text(),
		Before: hooks.field("PreTraffic").value(), After: hooks.field("PostTraffic").value()}
	for _, a := range at.field("Alarms").items() {
		f.Deployment.Alarms = append(f.Deployment.Alarms, a.value())
	}
}

func (f *Function) event(at cursor) {
	name := at.path[strings.LastIndexByte(at.path, '.')+1:]
	with, line := at.field("Properties"), at.v.line
	switch kind := at.field("Type").text(); kind {
	case "HttpApi":
		path, method := with.field("Path"), with.field("Method")
		if path.there() != method.there() {
			with.wrong("Path and Method belong together; without both it is the route $default")
		}
		route := Route{name, cmp.Or(strings.ToUpper(method.text()), "ANY"), cmp.Or(path.text(), "$default"), with.field("Auth").field("Authorizer").text(), line}
		if route.Path != "$default" && !strings.HasPrefix(route.Path, "/") {
			path.wrong("%q: a path begins with /", route.Path)
		}
		f.Routes = append(f.Routes, route)
	case "SQS":
		q := Queue{Event: name, Queue: with.field("Queue").value(), Batch: with.field("BatchSize").number(10, 1, mostBatch),
			Window: time.Duration(with.field("MaximumBatchingWindowInSeconds").number(0, 0, 300)) * time.Second, Line: line}
		if !with.field("Queue").there() {
			with.wrong("it names no Queue")
		}
		for _, t := range with.field("FunctionResponseTypes").items() {
			q.Partial = q.Partial || t.text() == "ReportBatchItemFailures"
		}
		f.Queues = append(f.Queues, q)
	case "Schedule", "ScheduleV2":
		expression := with.field("Schedule").over(with.field("ScheduleExpression"))
		f.Schedules = append(f.Schedules, Schedule{name, expression.text(), expression.every(), line})
	case "":
		at.wrong("it has no Type")
	default:
		f.Others = append(f.Others, Other{name, kind, line})
	}
}

var (
	rate = regexp.MustCompile(`^rate\(([1-9]\d{0,8}) (minute|hour|day)(s?)\)$`)
	cron = regexp.MustCompile(`^cron\([^()]+\)$`)
	unit = map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
)

// every is a rate's time; zero for a cron.
func (c cursor) every() time.Duration {
	text := c.text()
	if cron.MatchString(text) {
		return 0
	}
	m := rate.FindStringSubmatch(text)
	if m == nil {
		c.wrong("%q is no schedule: rate(5 minutes), rate(1 hour) or cron(…)", text)
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || (n == 1) != (m[3] == "") || n > int(100*365*24*time.Hour/unit[m[2]]) {
		c.wrong("%q: one minute, two minutes, and at most a hundred years", text)
		return 0
	}
	return time.Duration(n) * unit[m[2]]
}

// merged is what SAM makes of Globals and a function's own: maps are merged, lists follow one another, and whatever else
// the function says counts.
func merged(global, own Value) Value {
	switch {
	case own.kind == nothing:
		return global
	case global.kind == mapping && own.kind == mapping:
		all := Value{kind: mapping, line: own.line, fields: maps.Clone(global.fields)}
		for name, v := range own.fields {
			all.fields[name] = merged(global.fields[name], v)
		}
		return all
	case global.kind == list && own.kind == list:
		return Value{kind: list, line: own.line, items: slices.Concat(global.items, own.items)}
	}
	return own
}
