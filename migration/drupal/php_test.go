package drupal

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestPHP(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		`N;`:     nil,
		`i:-7;`:  int64(-7),
		`b:1;`:   true,
		`d:0.5;`: 0.5, `d:1.0E+25;`: 1e25, `d:-INF;`: math.Inf(-1),
		`s:5:"a";b"";`:                           `a";b"`,
		`s:3:"é!";`:                              "é!",
		`a:2:{i:0;s:1:"x";s:1:"k";a:1:{i:7;N;}}`: map[string]any{"0": "x", "k": map[string]any{"7": nil}},
		"O:3:\"Ab\\\":2:{s:4:\"\x00*\x00p\";i:1;s:6:\"\x00Ab\\\x00q\";R:2;}": Object{`Ab\`, map[string]any{"p": int64(1), "q": Reference(2)}},
		`C:11:"ArrayObject":21:{x:i:0;a:0:{};m:a:0:{}}`:                      Object{Class: "ArrayObject"},
		`E:9:"Suit:Bake";`: Object{Class: "Suit:Bake"},
		`r:1;`:             Reference(1),
	} {
		if got, err := php(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v, %v; want %#v", text, got, err, want)
		}
	}
	for _, broken := range []string{``, `i:1`, `i:x;`, `i:99999999999999999999;`, `b:2;`, `d:;`, `s:4:"abc";`, `s:-1:"";`, `a:1:{`, `a:1:{i:0;i:1;`, `a:2:{i:0;i:1;}`, `a:1:{d:0.5;i:1;}`,
		`i:1;i:2;`, `O:1:"A":1:{}`, `O:1:"A"`, `C:1:"A":9:{x}`, `E:1:"A"`, `x:1;`, `a:99999999999:{}`, strings.Repeat(`a:1:{i:0;`, 40) + "N;" + strings.Repeat("}", 40)} {
		if got, err := php(broken); err == nil || err.Error() != errPHP.Error() {
			t.Errorf("%s is %#v, %v", broken, got, err)
		}
	}
}

func TestWhatIsNotReadIsCounted(t *testing.T) {
	t.Parallel()
	v, err := php(`a:3:{i:0;O:1:"A":2:{s:1:"b";R:1;s:1:"c";O:1:"C":0:{}}i:1;r:1;i:2;s:9:"O:1:"A":0";}`)
	if n := unread(v); err != nil || n != 4 {
		t.Errorf("%d of %#v, %v", n, v, err)
	}
}

// serialised is a value as PHP writes it.
func serialised(v any) string {
	fields := func(m map[string]any) string {
		var b strings.Builder
		fmt.Fprintf(&b, "%d:{", len(m))
		for _, key := range slices.Sorted(maps.Keys(m)) {
			b.WriteString(serialised(key) + serialised(m[key]))
		}
		return b.String() + "}"
	}
	switch v := v.(type) {
	case nil:
		return "N;"
	case bool:
		if v {
			return "b:1;"
		}
		return "b:0;"
	case int64:
		return fmt.Sprintf("i:%d;", v)
	case float64:
		return fmt.Sprintf("d:%v;", v)
	case string:
		return fmt.Sprintf("s:%d:\"%s\";", len(v), v)
	case map[string]any:
		return "a:" + fields(v)
	case Reference:
		return fmt.Sprintf("R:%d;", int(v))
	case Object:
		if v.Fields == nil {
			return fmt.Sprintf("E:%d:\"%s\";", len(v.Class), v.Class)
		}
		return fmt.Sprintf("O:%d:\"%s\":", len(v.Class), v.Class) + fields(v.Fields)
	}
	panic(fmt.Sprintf("%T", v))
}

// FuzzPHP: no text makes the reader panic, an error comes with no value, and what was read is read again from what PHP would write of it.
func FuzzPHP(f *testing.F) {
	f.Add(`a:2:{s:5:"items";s:10:"1|Yes` + "\n" + `0|No";s:7:"private";i:0;}`)
	f.Add(`a:3:{i:0;b:1;i:1;d:0.5;i:2;a:1:{s:0:"";N;}}`)
	f.Add("O:1:\"A\":2:{s:4:\"\x00*\x00p\";R:1;i:7;C:1:\"B\":3:{x;y}}")
	f.Add(`E:3:"A:B";`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := php(text)
		if err != nil {
			if v != nil || err.Error() != errPHP.Error() {
				t.Fatal(v, err)
			}
			return
		}
		again, err := php(serialised(v))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(v) { // NaN is not itself
			t.Fatalf("%#v, then %#v, %v", v, again, err)
		}
	})
}
