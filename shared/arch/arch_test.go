package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/banyan-migration/banyan/"

// source is one Go file of the tree, parsed as far as a test needs it.
type source struct {
	path string // from the root, with slashes
	dir  string
	test bool
	text string
	ast  *ast.File
}

// tree reads every Go file below the root. It reads the files themselves: a test that asked the go command would be
// answered from the test cache and pass on a broken tree.
func tree(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if name != ".." && (strings.HasPrefix(name, ".") || name == "testdata" || ownModule(root, p)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		file, err := parser.ParseFile(token.NewFileSet(), rel, text, parser.ParseComments)
		if err != nil {
			return err
		}
		all = append(all, source{rel, path.Dir(rel), strings.HasSuffix(name, "_test.go"), string(text), file})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d Go files found below %s: the test looks in the wrong place", len(all), root)
	}
	return all
}

func ownModule(root, dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil && filepath.Clean(dir) != filepath.Clean(root)
}

// rule says which packages of ours a package may import. A trailing /* stands for every package below, a package
// named by several rules obeys the longest.
type rule struct {
	who     string
	may     []string
	outside []string // if not nil, the only packages from outside the standard library
}

var kvAdapters = []string{"shared/kv/sqlite", "shared/kv/dynamo"}

var rules = []rule{
	{who: "shared/money"}, {who: "shared/fault"}, {who: "shared/contact"}, {who: "shared/accesslog"}, {who: "shared/mark"},
	{who: "shared/event", may: []string{"shared/money", "shared/contact"}},
	{who: "shared/form", may: []string{"shared/money", "shared/contact"}},
	{who: "shared/web", may: []string{"shared/fault", "shared/kv", "shared/mark"}},
	{who: "shared/kv", may: []string{"shared/event"}},
	{who: "shared/kv/sqlite", may: []string{"shared/kv", "shared/event", "shared/fault"}},
	{who: "shared/kv/dynamo", may: []string{"shared/kv", "shared/event", "shared/fault"}},
	{who: "shared/kv/kvtest", may: []string{"shared/kv", "shared/event"}},
	{who: "shared/outbox", may: []string{"shared/kv", "shared/event"}},
	{who: "shared/host", may: []string{"shared/kv", "shared/event", "shared/fault", "shared/outbox", "shared/web", "shared/mark"}},
	{who: "shared/host/local", may: []string{"shared/*"}},
	{who: "shared/host/cloud", may: []string{"shared/*"}},
	{who: "shared/host/cloud/*", may: []string{"shared/*"}},
	{who: "shared/host/hosttest", may: []string{"shared/*"}},
	{who: "shared/arch"},

	{who: "services/*", may: []string{"shared/money", "shared/contact", "shared/event", "shared/fault", "shared/kv",
		"shared/outbox", "shared/web", "shared/form", "shared/accesslog", "shared/mark", "shared/host"}},
	{who: "services/all", may: []string{"services/*", "shared/host", "shared/form", "shared/kv"}},

	{who: "gateway/wire", outside: []string{}},
	{who: "gateway/split", outside: []string{}},
	{who: "gateway/judge", outside: []string{}},
	{who: "gateway/*", may: []string{"gateway/*", "gateway", "shared/kv", "shared/fault", "shared/web", "shared/mark", "shared/form", "shared/accesslog"}},

	{who: "migration/drupal", may: []string{"shared/form"}},
	{who: "migration/drupal/drupaltest", may: []string{"migration/drupal", "shared/form"}},
	{who: "migration/move", may: []string{"migration/drupal", "services/all", "shared/*"}},
	{who: "migration/verify", may: []string{"migration/drupal", "services/all", "shared/*"}},
	{who: "migration/assess", may: []string{"migration/drupal", "gateway/config", "infra/cost", "shared/form", "shared/accesslog", "shared/money"}},
	{who: "migration/content", may: []string{"migration/drupal", "gateway", "gateway/diff", "gateway/drupal", "gateway/frozen"}},

	{who: "loadtest", may: []string{"shared/money", "shared/accesslog", "shared/mark"}},
	{who: "infra/cost", may: []string{"shared/money", "shared/accesslog"}},
	{who: "infra/fakes/*", may: []string{"shared/money", "infra/fakes/journal"}},
	// The stand-in keeps its state in Drupal's own tables, and the one reader of dumps makes them.
	{who: "infra/fakes/drupal", may: []string{"shared/money", "migration/drupal", "infra/fakes/drupal/*"}},
	{who: "infra/fakes/drupal/*", may: []string{"infra/fakes/drupal", "infra/fakes/drupal/*"}},
	{who: "infra/hooks", may: []string{"shared/mark"}},
	{who: "infra/canary/rehearsal", may: []string{"infra/*", "services/all", "shared/kv/dynamo"}},
	{who: "infra/canary", may: []string{"infra/runtime", "infra/runtime/front", "infra/fakes/codedeploy"}},
	{who: "infra/awsapi"}, {who: "infra/account", may: []string{"infra/awsapi", "shared/kv", "shared/kv/dynamo"}}, {who: "infra/stack", may: []string{"infra/permissions"}}, {who: "infra/permissions"}, {who: "infra/template"}, {who: "infra/layer"}, {who: "infra/local/site"},
	{who: "infra/runtime", may: []string{"infra/runtime/api", "infra/runtime/box"}},
	{who: "infra/runtime/api"}, {who: "infra/runtime/box"},
	{who: "infra/runtime/*", may: []string{"infra/runtime", "infra/awsapi"}}, // what stands before a player: front doors, queues, schedules
	{who: "infra/pipeline", may: []string{"shared/kv", "shared/kv/dynamo"}},  // in its tests
	{who: "infra/image", may: []string{"gateway/config"}},
	{who: "infra/local/report", may: []string{"infra/cost", "loadtest", "migration/assess", "shared/*"}},
	{who: "infra/local", may: []string{"*"}},
	{who: "infra/command", may: []string{"*"}},
	{who: "infra/bench/*", may: []string{"*"}},
	{who: "infra/worlds", may: []string{"*"}},
	{who: ".", may: []string{"infra/command"}},
}

// inTests is what a _test.go may import besides.
var inTests = []string{"shared/kv/kvtest", "shared/host/hosttest", "infra/fakes/*", "migration/drupal/drupaltest", "infra/local/site", "infra/layer", "infra/template", "services/all"}

func matches(pattern, pkg string) bool {
	if pattern == "*" || pattern == pkg {
		return true
	}
	prefix, below := strings.CutSuffix(pattern, "/*")
	return below && strings.HasPrefix(pkg, prefix+"/")
}

// bootstrap is a function's main.
var bootstrap = regexp.MustCompile(`^(services/[a-z0-9]+)/lambda$`)

func ruleFor(dir string) (rule, bool) {
	if main := bootstrap.FindStringSubmatch(dir); main != nil { // it names its service and the parts of AWS that it stands on
		return rule{who: dir, may: []string{main[1], "shared/host/cloud", "shared/host/cloud/*"}}, true
	}
	best := -1
	for i, r := range rules {
		exact := r.who == dir
		if !matches(r.who, dir) && !(r.who == "gateway/*" && dir == "gateway") {
			continue
		}
		if best < 0 || exact || (rules[best].who != dir && len(r.who) > len(rules[best].who)) {
			best = i
		}
	}
	if best < 0 {
		return rule{}, false
	}
	return rules[best], true
}

// allows says whether a package, or its tests, may import another of ours.
func (r rule) allows(pkg string, test bool) bool {
	allowed := r.may
	if test {
		allowed = slices.Concat(r.may, inTests)
	}
	for _, p := range allowed {
		if matches(p, pkg) {
			return true
		}
	}
	return false
}

func TestImportsPointInwards(t *testing.T) {
	t.Parallel()
	for _, f := range tree(t) {
		r, known := ruleFor(f.dir)
		if !known {
			t.Errorf("%s: no rule in shared/arch names the package %s: add one to the table, or move the file", f.path, f.dir)
			continue
		}
		for _, spec := range f.ast.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			ours, is := strings.CutPrefix(imported, module)
			switch {
			case !is && strings.Contains(imported, ".") && r.outside != nil && !f.test && !slices.Contains(r.outside, imported):
				t.Errorf("%s imports %s: %s is pure and uses the standard library only", f.path, imported, r.who)
			case !is || ours == f.dir:
			case !r.allows(ours, f.test):
				t.Errorf("%s imports %s, which the rule for %s does not allow (may: %s)", f.path, ours, r.who, strings.Join(r.may, ", "))
			}
		}
	}
}

func TestPurePackagesHaveNeitherClockNorIO(t *testing.T) {
	t.Parallel()
	for _, f := range tree(t) {
		if f.test || !(f.dir == "gateway/wire" || f.dir == "gateway/split" || f.dir == "gateway/judge") {
			continue
		}
		for _, spec := range f.ast.Imports {
			switch p, _ := strconv.Unquote(spec.Path.Value); p {
			case "net", "net/http", "os", "io/fs", "log", "log/slog":
				t.Errorf("%s imports %s: the package is pure", f.path, p)
			}
		}
		if strings.Contains(f.text, "time.Now(") {
			t.Errorf("%s asks for the time: pure code takes now as an argument", f.path)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, f := range tree(t) {
		if f.test {
			continue
		}
		documented[f.dir] = documented[f.dir] || (f.ast.Doc != nil && len(f.ast.Doc.Text()) > 30)
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment: two sentences a fundraiser would sign", dir)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	t.Parallel()
	for _, f := range tree(t) {
		if f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !standardMethod(d.Name.Name) {
					t.Errorf("%s: %s has no comment", f.path, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
						t.Errorf("%s: type %s has no comment", f.path, ts.Name.Name)
					}
				}
			}
		}
	}
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	expr := d.Recv.List[0].Type
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = star.X
	}
	if index, ok := expr.(*ast.IndexExpr); ok {
		expr = index.X
	}
	id, ok := expr.(*ast.Ident)
	return !ok || id.IsExported()
}

// standardMethod names methods whose meaning the standard library's interfaces give.
func standardMethod(name string) bool {
	return slices.Contains([]string{"Error", "Unwrap", "Is", "String", "MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText",
		"UnmarshalYAML", "Len", "Less", "Swap", "ServeHTTP", "Read", "Write", "Close", "Describe", "Collect", "RoundTrip"}, name)
}

func TestNamesAreNouns(t *testing.T) {
	t.Parallel()
	bad := regexp.MustCompile(`(^|/)(utils?|common|types|models?|helpers?|managers?|impl|process|handle|misc|base)(/|$)`)
	for _, f := range tree(t) {
		if bad.MatchString(f.dir) {
			t.Errorf("%s: a folder is named for what it holds, in the field's own words (design: no util, common, types …)", f.dir)
		}
	}
}

// longest is the length past which a file hides a noun that wants a file of its own.
const longest = 500

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, f := range tree(t) {
		if n := strings.Count(f.text, "\n"); !f.test && n > longest {
			t.Errorf("%s has %d lines: past %d cut it by noun", f.path, n, longest)
		}
	}
}

// TestNoFloatNearMoney: an amount in a float loses pennies. Statistics of time are floats; packages that hold amounts
// have none.
func TestNoFloatNearMoney(t *testing.T) {
	t.Parallel()
	for _, f := range tree(t) {
		near := strings.HasPrefix(f.dir, "shared/money") || strings.HasPrefix(f.dir, "services/") || f.dir == "migration/move" ||
			f.dir == "migration/verify" || f.dir == "infra/cost" || f.dir == "shared/event" || f.dir == "shared/form"
		if f.test || !near {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && (id.Name == "float64" || id.Name == "float32" || id.Name == "InexactFloat64") {
				t.Errorf("%s uses %s: money is whole minor units or a decimal", f.path, id.Name)
			}
			return true
		})
	}
}

// TestEveryWireRuleIsProved: every rule W-1 to W-85 of the gateway's wire contract stands in a test of the gateway by its id. W-19 and W-86
// belong to the cloud.
func TestEveryWireRuleIsProved(t *testing.T) {
	t.Parallel()
	id := regexp.MustCompile(`\bW-?_?(\d+)\b`)
	cited := map[string]bool{}
	for _, f := range tree(t) {
		if !f.test || f.dir == "shared/arch" {
			continue
		}
		for _, m := range id.FindAllStringSubmatch(f.text, -1) {
			cited[m[1]] = true
		}
	}
	for n := 1; n <= 85; n++ {
		if n != 19 && !cited[strconv.Itoa(n)] {
			t.Errorf("rule W-%d stands in no test", n)
		}
	}
}

func TestNothingIsLeftForLater(t *testing.T) {
	t.Parallel()
	later := regexp.MustCompile(`\b(TODO|FIXME|XXX)\b|panic\("(?i:todo|unimplemented|not implemented)`)
	for _, f := range tree(t) {
		if f.dir == "shared/arch" {
			continue
		}
		if where := later.FindStringIndex(f.text); where != nil {
			t.Errorf("%s:%d leaves something for later", f.path, 1+strings.Count(f.text[:where[0]], "\n"))
		}
	}
}

func TestRuleTableIsWellFormed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range rules {
		if seen[r.who] {
			t.Errorf("%s has two rules", r.who)
		}
		seen[r.who] = true
	}
	for _, s := range []string{"services/donate", "services/payments", "services/postcode"} {
		r, _ := ruleFor(s)
		for _, bad := range append(kvAdapters, "shared/host/local", "services/all") {
			if r.allows(bad, false) {
				t.Errorf("%s may import %s", s, bad)
			}
		}
	}
	if r, _ := ruleFor("services/donate/lambda"); r.allows("services/payments", false) || r.allows("shared/kv", false) || !r.allows("shared/host/cloud/table", false) {
		t.Errorf("a function's main may import %v", r.may)
	}
}
