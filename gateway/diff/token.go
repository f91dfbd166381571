package diff

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// token is one tag or text of a page. Tokens are read once and shared by both pages of a comparison.
type token struct {
	kind  html.TokenType // a start tag, a closed one, an end tag, a text; all else is html.CommentToken
	trait trait
	tag   string
	attrs []attribute
	text  []byte
	raw   []byte // as it stands in the page
}

type attribute struct{ key, value string }

func (t *token) value(key string) (string, bool) {
	for _, a := range t.attrs {
		if a.key == key {
			return a.value, true
		}
	}
	return "", false
}

func (t *token) get(key string) string {
	v, _ := t.value(key)
	return v
}

func (t *token) has(key string) bool {
	_, has := t.value(key)
	return has
}

// class says whether the element has a class.
func (t *token) class(word string) bool {
	list := t.get("class")
	return strings.Contains(list, word) && hasWord(list, word)
}

// trait is what elements of a name have in common.
type trait uint8

const (
	inline  trait = 1 << iota // parts no text
	void                      // has no end tag
	unseen                    // shows nothing
	raw                       // its text ends only at its end tag
	generic                   // says something only by an id or the class of a message
)

// traits are those of each element that has one.
var traits = func() map[string]trait {
	all := map[string]trait{}
	for t, names := range map[trait]string{
		inline:  "a abbr b bdi bdo cite code data del dfn em font i ins kbd label mark q s samp small span strong sub sup time tt u var wbr img input",
		void:    "area base br col embed hr img input link meta param source track wbr",
		unseen:  "script style template noscript svg math",
		raw:     "script style textarea title iframe noembed noframes noscript plaintext xmp",
		generic: "div span p li ul ol label td tr th table section em strong b i",
	} {
		for name := range strings.FieldsSeq(names) {
			all[name] |= t
		}
	}
	return all
}()

// read are the attributes that say something.
var read = func() map[string]bool {
	all := map[string]bool{}
	for name := range strings.FieldsSeq("id class role name value type href src alt content rel hreflang http-equiv action method enctype " +
		"required aria-required aria-invalid checked selected lang") {
		all[name] = true
	}
	return all
}()

// lexer reads the tokens of a page, with another page of the same site as a guide: the tokens of both are mostly the same bytes, and
// to find them so is some ten times faster than to read them again.
type lexer struct {
	body  []byte
	at    int // what of body has been read
	z     *html.Tokenizer
	all   []*token
	slab  *slab
	guide []*token
	next  int  // of guide
	turns int  // how often the guide was lost
	whole bool // attributes of every element are wanted, for masks by selector
}

// mostTurns is how often a lexer goes back to its guide: pages that have little in common need none.
const mostTurns = 64

// read reads the next token; false is the page's end.
func (l *lexer) read() bool {
	if l.z == nil {
		if t := l.guided(); t != nil {
			l.all = append(l.all, t)
			l.at += len(t.raw)
			l.next++
			return true
		}
		if l.at == len(l.body) {
			return false
		}
		l.lost()
	}
	kind := l.z.Next()
	if kind == html.ErrorToken {
		return false
	}
	t := l.token(kind)
	l.all = append(l.all, t)
	l.at += len(t.raw)
	l.found()
	return true
}

// guided is the guide's next token, if it stands here too.
func (l *lexer) guided() *token {
	if l.next >= len(l.guide) {
		return nil
	}
	t := l.guide[l.next]
	rest := l.body[l.at:]
	if !bytes.HasPrefix(rest, t.raw) {
		return nil
	}
	rest = rest[len(t.raw):]
	switch last := l.next+1 == len(l.guide); {
	case last && (t.kind == html.TextToken || t.kind == html.CommentToken): // ended with the page
		if len(rest) > 0 {
			return nil
		}
	case t.kind == html.TextToken: // ended where the next begins
		if next := l.guide[l.next+1].raw; !bytes.HasPrefix(rest, next) && !sameStart(rest, next) {
			return nil
		}
	}
	return t
}

// sameStart says whether two tokens begin with the same tag: enough to know that a text ends before both.
func sameStart(a, b []byte) bool {
	n := 0
	for n < len(b) && b[n] > ' ' && b[n] != '>' {
		n++
	}
	return n >= 2 && n < len(b) && b[0] == '<' && len(a) > n && bytes.Equal(a[:n+1], b[:n+1])
}

// begins says whether what follows a token is read in another way.
func (t *token) begins() bool {
	return t.trait&raw != 0 && t.kind != html.EndTagToken
}

// lost begins to read by itself. In the text of a script the tag that began it must be read again.
func (l *lexer) lost() {
	from := l.at
	if n := len(l.all) - 1; n >= 0 && l.all[n].begins() {
		from -= len(l.all[n].raw)
	}
	l.z = html.NewTokenizer(bytes.NewReader(l.body[from:]))
	if from < l.at {
		l.z.Next()
	}
	l.turns++
}

// far is how many tokens one page may lack that the other has, for the lexer to find its way back.
const far = 8

// found goes back to the guide, if one of its next few tokens stands here too.
func (l *lexer) found() {
	if l.turns >= mostTurns || l.all[len(l.all)-1].begins() {
		return
	}
	was := l.next
	for ; l.next < min(len(l.guide), was+far); l.next++ {
		if raw := l.next > 0 && l.guide[l.next-1].begins(); !raw && len(l.guide[l.next].raw) > 3 && l.guided() != nil {
			l.z = nil
			return
		}
	}
	l.next = was
}

// token is what the tokenizer stands on.
func (l *lexer) token(kind html.TokenType) *token {
	t := l.slab.token()
	t.kind, t.raw = kind, l.body[l.at:l.at+len(l.z.Raw())]
	switch kind {
	case html.TextToken:
		if t.text = t.raw; bytes.ContainsAny(t.raw, "&\r\x00") {
			t.text = bytes.Clone(l.z.Text())
		}
	case html.StartTagToken, html.SelfClosingTagToken:
		t.name(t.raw[1:], l.z)
		if l.whole || t.trait&generic == 0 || telling(t.raw) {
			l.attributes(t)
		}
	case html.EndTagToken:
		t.name(t.raw[2:], l.z)
	default:
		t.kind = html.CommentToken
	}
	return t
}

// name takes the tag's name where the tag has it in the letters in which HTML knows it, else the tokenizer's copy.
func (t *token) name(raw []byte, z *html.Tokenizer) {
	end := 0
	for end < len(raw) && raw[end] > ' ' && raw[end] != '/' && raw[end] != '>' {
		end++
	}
	if a := atom.Lookup(raw[:end]); a != 0 {
		t.tag = a.String()
	} else {
		name, _ := z.TagName()
		t.tag = string(name)
	}
	t.trait = traits[t.tag]
}

func (l *lexer) attributes(t *token) {
	for more := true; more; {
		var key, value []byte
		if key, value, more = l.z.TagAttr(); l.whole || read[string(key)] {
			t.attrs = append(t.attrs, attribute{atom.String(key), string(value)})
		}
	}
}

// telling says whether a generic element's tag may say something.
func telling(raw []byte) bool {
	return bytes.Contains(raw, []byte("id=")) || bytes.Contains(raw, []byte("role=")) || bytes.Contains(raw, []byte("messages")) ||
		bytes.Contains(raw, []byte("alert"))
}
