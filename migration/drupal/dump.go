package drupal

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Statement is what a dump says: that a table is, or that rows of it follow.
type Statement struct {
	Create  *Table   // set for CREATE TABLE
	Insert  string   // the table's name for INSERT, whose rows Row reads
	Columns []string // of the rows; nil where the dump names none
}

// Dump reads what mysqldump and mariadb-dump write, in memory that does not grow with it. It is not safe for
// concurrent use.
type Dump struct {
	scanner
	tables   map[string]*Table
	table    string
	rows     int64
	columns  int      // of the INSERT at hand, 0: unknown
	kinds    []string // of these columns, as SQLite stores them; nil: unknown
	latin    []bool   // which of these columns call themselves latin1; nil: none
	inRows   bool     // an INSERT is being read
	stop     string   // what ends a statement
	database string
	headed   bool // it began with mysqldump's own head, so its last line must come too
	ended    bool
	row      []Value
	spans    [][2]int
}

// NewDump reads a dump that is not compressed.
func NewDump(r io.Reader) *Dump {
	return &Dump{scanner: scanner{r: r}, tables: map[string]*Table{}, stop: ";"}
}

// Next goes to the next CREATE TABLE or INSERT, over rows that were not read. io.EOF: the dump is whole and at its
// end. Any other error is a *Damage.
func (d *Dump) Next() (Statement, error) {
	if d.inRows {
		d.inRows = false
		if err := d.skip(); err != nil {
			return Statement{}, err
		}
	}
	for {
		d.mark = d.pos
		c := d.peek()
		switch {
		case c == 0 && d.pos == d.end:
			return Statement{}, d.finish()
		case c != 0 && c <= ' ' || c == ';':
			d.pos++
		case d.stop != ";" && !d.has("DELIMITER"): // a trigger or a routine, in whatever SQL
			if !d.past(d.stop) {
				return Statement{}, d.ends()
			}
		case c == '#' || d.has("--"):
			d.remark()
		case d.has("/*"):
			if err := d.comment(); err != nil {
				return Statement{}, err
			}
		case d.has("CREATE TABLE "):
			return d.create()
		case d.has("INSERT "), d.has("REPLACE "):
			return d.insert()
		default:
			if err := d.other(); err != nil {
				return Statement{}, err
			}
		}
	}
}

func (d *Dump) finish() error {
	if d.cut() != nil || d.headed && !d.ended {
		return d.ends()
	}
	return io.EOF
}

func (d *Dump) damage(text string, args ...any) error {
	return &Damage{Line: d.line(), Offset: d.base + int64(d.pos), Table: d.table, Row: d.rows, Text: fmt.Sprintf(text, args...)}
}

const middle = "the dump ends in the middle; a whole one ends with the line \"-- Dump completed\": make it again"

func (d *Dump) ends() error {
	e := d.damage(middle).(*Damage)
	e.Err = d.cut()
	return e
}

// remark passes a line's comment, and notes mysqldump's first and last.
func (d *Dump) remark() {
	switch {
	case d.has("-- MYSQL DUMP"), d.has("-- MARIADB DUMP"):
		d.headed = true
	case d.has("-- DUMP COMPLETED"):
		d.ended = true
	}
	d.past("\n")
}

// comment passes /* … */. What a conditional comment holds for us is the character set alone: the rest are settings,
// views and triggers.
func (d *Dump) comment() error {
	if !d.has("/*!") && !d.has("/*M!") {
		if !d.past("*/") {
			return d.ends()
		}
		return nil
	}
	if !d.until("*/", true) {
		return d.ends()
	}
	words := strings.Fields(strings.Trim(string(d.buf[d.mark:d.pos]), "/*M! "))
	if len(words) > 3 {
		return d.charset(words[1:])
	}
	return nil
}

// charset refuses a dump whose bytes are not UTF-8; words are those of a statement.
func (d *Dump) charset(words []string) error {
	if len(words) < 3 || !strings.EqualFold(words[0], "SET") || !strings.EqualFold(words[1], "NAMES") {
		return nil
	}
	name := strings.ToLower(strings.Trim(words[2], "';*/"))
	if strings.HasPrefix(name, "utf8") || name == "binary" {
		return nil
	}
	return d.damage("the dump is written in %s; make it again with --default-character-set=utf8mb4", name)
}

// other passes a statement that says nothing about rows.
func (d *Dump) other() error {
	known := ""
	for _, word := range []string{"SET", "LOCK", "UNLOCK", "DROP", "ALTER", "USE", "CREATE", "START", "BEGIN", "COMMIT", "ANALYZE", "CHANGE", "DELIMITER"} {
		if d.has(word) {
			known = word
		}
	}
	switch known {
	case "":
		return d.damage("%q is not how a statement of mysqldump begins; what is needed is its plain SQL, or that gzipped", d.ahead())
	case "DELIMITER":
		return d.delimiter()
	}
	if !d.until(d.stop, known == "USE" || known == "SET") {
		return d.ends()
	}
	words := strings.Fields(string(d.buf[d.mark:d.pos]))
	if known == "SET" {
		return d.charset(words)
	}
	if known == "USE" && len(words) > 1 {
		return d.use(strings.Trim(words[1], "`\";"))
	}
	return nil
}

// use refuses a second database, whose tables would be taken for the first one's.
func (d *Dump) use(name string) error {
	if d.database != "" && d.database != name {
		return d.damage("the dump holds the databases %s and %s; make one of %s alone", d.database, name, d.database)
	}
	d.database = name
	return nil
}

func (d *Dump) delimiter() error {
	if !d.past("DELIMITER") {
		return d.damage("DELIMITER is written in capitals by mysqldump")
	}
	if !d.until("\n", true) {
		return d.ends()
	}
	d.stop = strings.TrimSpace(string(d.buf[d.mark:d.pos]))
	if d.stop == "" {
		return d.damage("DELIMITER names nothing")
	}
	return nil
}

func (d *Dump) skip() error {
	if !d.until(d.stop, false) {
		return d.ends()
	}
	return nil
}

// ahead is a little of what comes, for a message. It shows no more: rows hold people.
func (d *Dump) ahead() string {
	d.has("0123456789")
	return string(d.buf[d.pos:min(d.pos+10, d.end)])
}

func (d *Dump) create() (Statement, error) {
	if !d.until(d.stop, true) {
		return Statement{}, d.ends()
	}
	t, err := parseTable(string(d.buf[d.mark:d.pos]))
	if err != nil {
		return Statement{}, d.damage("%v", err)
	}
	if d.tables[t.Name] != nil {
		return Statement{}, d.damage("the dump creates table %s twice; make one of a single database", t.Name)
	}
	d.tables[t.Name] = t
	d.table, d.rows = t.Name, 0
	return Statement{Create: t}, nil
}

// insert reads INSERT [IGNORE] INTO `table` [(`column`, …)] VALUES.
func (d *Dump) insert() (Statement, error) {
	for whole := false; !whole; whole = !letter(d.buf[d.pos-len("_VALUES")]) { // or it ends an unquoted name
		if !d.until("VALUES", true) {
			return Statement{}, d.ends()
		}
	}
	head := words(string(d.buf[d.mark:d.pos]))
	i := 1 + slices.IndexFunc(head, func(w word) bool { return w.is("INTO") })
	if i == 0 || i >= len(head)-1 || !head[i].named() {
		return Statement{}, d.damage("an INSERT names no table")
	}
	st := Statement{Insert: head[i].text}
	for _, w := range head[i+1 : len(head)-1] {
		if w.named() {
			st.Columns = append(st.Columns, w.text)
		}
	}
	if d.table != st.Insert {
		d.table, d.rows = st.Insert, 0
	}
	d.kinds, d.latin = nil, nil
	if t := d.tables[st.Insert]; t != nil {
		if st.Columns == nil {
			st.Columns = t.names
		}
		var err error
		if d.kinds, err = t.kinds(st.Columns); err != nil {
			return Statement{}, d.damage("%v", err)
		}
		d.latin = t.latin(st.Columns)
	}
	d.columns, d.inRows = len(st.Columns), true
	return st, nil
}

// Row is the next row of the INSERT at hand, or nil after its last. It is good until the next call of Row or Next.
func (d *Dump) Row() ([]Value, error) {
	if !d.inRows {
		return nil, nil
	}
	for {
		d.mark = d.pos
		switch c := d.peek(); {
		case c == '(':
			d.pos++
			return d.values()
		case c == ';':
			d.pos++
			d.inRows = false
			return nil, nil
		case c == ',' || c != 0 && c <= ' ':
			d.pos++
		case d.pos == d.end:
			return nil, d.ends()
		default:
			return nil, d.damage("%q where a row begins with (", d.ahead())
		}
	}
}
