package drupal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// told is all that a dump says, in a line a statement and row.
func told(r io.Reader) (lines []string, err error) {
	d := NewDump(r)
	for {
		st, err := d.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return lines, err
		}
		if st.Create != nil {
			lines = append(lines, fmt.Sprintf("%s %+v %v %v %d", st.Create.Name, st.Create.names, st.Create.Primary, st.Create.Keys, st.Create.Next))
		}
		for row := []Value(nil); ; {
			if row, err = d.Row(); err != nil || row == nil {
				break
			}
			lines = append(lines, fmt.Sprintf("%s %q", st.Insert, row))
		}
		if err != nil {
			return lines, err
		}
	}
}

func TestSyntax(t *testing.T) {
	t.Parallel()
	head := "CREATE TABLE `t` (`a` int, `b` text);\n"
	for _, c := range []struct{ name, sql, want string }{
		{"escapes", "INSERT INTO `t` VALUES (1,'\\0\\'\\\"\\b\\n\\r\\t\\Z\\\\\\%\\_\\x''');", "t [{'\\x01' \"1\"} {'\\x02' \"\\x00'\\\"\\b\\n\\r\\t\\x1a\\\\\\\\%\\\\_x'\"}]"},
		{"null and numbers", "INSERT INTO `t` VALUES (NULL,-1.5e-7);", "t [{'\\x00' \"\"} {'\\x01' \"-1.5e-7\"}]"},
		{"binary", "INSERT INTO `t` VALUES (_binary 'a\\0',0x00ff),(x'4142',b'1');", "t [{'\\x03' \"a\\x00\"} {'\\x03' \"\\x00\\xff\"}]|t [{'\\x03' \"AB\"} {'\\x01' \"1\"}]"},
		{"spread over lines", "INSERT IGNORE INTO `t` (`b`, `a`)\nVALUES\n(1 , 'x;--'),\n(2,'/* y */')\n;", "t [{'\\x01' \"1\"} {'\\x02' \"x;--\"}]|t [{'\\x01' \"2\"} {'\\x02' \"/* y */\"}]"},
		{"a trigger", "DELIMITER ;;\n/*!50003 CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 'it\\'s'; END */;;\nDELIMITER ;\nREPLACE INTO `t` VALUES (1,2);", "t [{'\\x01' \"1\"} {'\\x01' \"2\"}]"},
		{"names without quotes", "INSERT INTO t (b, a) VALUES (1,2);", "t [{'\\x01' \"1\"} {'\\x01' \"2\"}]"},
		{"a name that ends in VALUES", "CREATE TABLE old_values (`key` int NOT NULL, n varchar(9) DEFAULT 'x', PRIMARY KEY (`key`), UNIQUE KEY nk (n(4),`key` DESC), CONSTRAINT c CHECK (n <> ''));\nINSERT INTO old_values VALUES (1,2);",
			"old_values [key n] [key] [{nk true [n key]}] 0|old_values [{'\\x01' \"1\"} {'\\x01' \"2\"}]"},
		{"names in double quotes", "INSERT INTO \"t\" (\"b\", \"a\") VALUES (1,2);", "t [{'\\x01' \"1\"} {'\\x01' \"2\"}]"},
		{"comments", "# it's\n-- it's\n/* it's */ LOCK TABLES `t` WRITE;\n/*!40000 ALTER TABLE `t` DISABLE KEYS */;", ""},
	} {
		lines, err := told(strings.NewReader(head + c.sql))
		if got := strings.Join(lines[1:], "|"); err != nil || got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s (%v)", c.name, got, c.want, err)
		}
	}
}

func TestDamage(t *testing.T) {
	t.Parallel()
	head := "CREATE TABLE `t` (`a` int, `b` text);\nINSERT INTO `t` VALUES (1,'x'),\n"
	for sql, want := range map[string]string{
		"(2);":                 "line 3, byte 73, after row 1 of table t: a row has 1 values where the table has 2 columns",
		"(2,'y'":               "the dump ends in the middle",
		"(2,'y":                "the dump ends in the middle",
		"(2,'\xa310');":        "a text of the dump is not UTF-8; make it again with --default-character-set=utf8mb4",
		"(2,oops);":            `"oops" is no value`,
		"(2,0xabc);":           "odd number of digits",
		"(2,_latin1 'x');":     "a string in latin1",
		"(2,'y' 'z');":         "where , or ) follows a value",
		"[2];":                 "where a row begins with (",
		"(2,);":                "a value is missing",
		"(2,'x');\n{\"a\": 1}": "not how a statement of mysqldump begins",
	} {
		_, err := told(strings.NewReader(head + sql))
		var d *Damage
		if !errors.As(err, &d) || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), "the old site is untouched") {
			t.Errorf("%s: %v, want %q", sql, err, want)
		}
	}
}

// However the bytes arrive, the dump says the same.
func TestSmallReads(t *testing.T) {
	t.Parallel()
	whole, err := told(strings.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	got, err := told(iotest.OneByteReader(strings.NewReader(small)))
	if err != nil || !slices.Equal(got, whole) {
		t.Errorf("%v: %q", err, got)
	}
}

// FuzzDump: no input makes the reader panic, hang, or say something else when it arrives in pieces; and what it says
// of a line is within the dump.
func FuzzDump(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("INSERT INTO `t` VALUES (1,'\\'','''',NULL,0x41,_binary 'a',b'0',x''),(2);"))
	f.Add([]byte("CREATE TABLE a_values (a int, \"b\" text, KEY k (a,\"b\"(9)));\nINSERT INTO a_values (a, \"b\") VALUES (1,'\"');"))
	f.Add([]byte("/*!40101 SET NAMES utf8 */;\nDELIMITER ;;\nx;;\nDELIMITER ;\nUSE `a`;"))
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, err := told(bytes.NewReader(bytes.Clone(data)))
		pieces, again := told(iotest.HalfReader(iotest.OneByteReader(bytes.NewReader(data))))
		if !slices.Equal(whole, pieces) || fmt.Sprint(err) != fmt.Sprint(again) {
			t.Fatalf("whole: %q %v\npieces: %q %v", whole, err, pieces, again)
		}
		var d *Damage
		if errors.As(err, &d) && (d.Line > 1+bytes.Count(data, []byte{'\n'}) || d.Offset > int64(len(data))) {
			t.Fatalf("damage beyond the end: %v", err)
		}
	})
}
