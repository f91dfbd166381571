package diff

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// longest is how many bytes of a value are shown.
const longest = 160

// redactor replaces what is personal or opens doors by its kind, its length and a keyed hash, so that equality still shows (F-10).
type redactor struct{ key []byte }

func (r redactor) hidden(kind, value string) string {
	if len(r.key) == 0 { // a hash without a key can be tried out
		return fmt.Sprintf("[%s %d]", kind, utf8.RuneCountInString(value))
	}
	h := hmac.New(sha256.New, r.key)
	h.Write([]byte(value))
	return fmt.Sprintf("[%s %d #%s]", kind, utf8.RuneCountInString(value), hex.EncodeToString(h.Sum(nil)[:4]))
}

// personal are parts of the names of fields that hold what people say about themselves, or what opens doors.
var personal = regexp.MustCompile(`(?i)pass|token|mail|phone|mobile|name|address|street|town|city|postcode|zip|birth|dob|secret|hash|auth|card|` +
	`account|sort.?code|iban|session|cookie|message|comment|form_build_id|\bsid\b|\bkey\b`)

// shown are two values of a field as they may be kept: short, on one line, with nothing personal. Own says that they are of an answer
// to one person.
func (r redactor) shown(field, legacy, new string, own bool) (string, string) {
	if secret(field) {
		return r.closed(field, legacy), r.closed(field, new)
	}
	a, b := r.parts(field, legacy, own), r.parts(field, new, own)
	a.said, b.said = r.excerpts(a.said, b.said, own && !strings.HasPrefix(field, "html title"))
	return short(a.before + a.said + a.after), short(b.before + b.said + b.after)
}

// secret says whether a field's values are kept of nobody's page.
func secret(field string) bool {
	what, rest, _ := strings.Cut(field, " ")
	return strings.Contains(rest, " query ") || what == "header" && secretHeader(rest) || what == "html" && strings.HasSuffix(rest, " value") ||
		(what == "json" || what == "xml" || what == "effect" || strings.HasPrefix(rest, "json-ld")) && hides(last(rest))
}

// closed is a secret field's value; what a form has in a field of money is none.
func (r redactor) closed(field, value string) string {
	if value == "" || strings.HasPrefix(field, "html ") && strings.HasSuffix(field, " value") && money.MatchString(value) && amountName.MatchString(field) {
		return value
	}
	return r.hidden(kindOf(value), value)
}

// start is as much of a long value as can be worth reading, up to the end of a word: looking through all of it would cost more than
// comparing it did.
func (r redactor) start(value string) string {
	const enough = 16 * longest
	if len(value) <= enough {
		return value
	}
	end := strings.LastIndexAny(value[:enough], " \n\t")
	if end < 0 {
		return r.hidden("text", value)
	}
	return value[:end]
}

// hides says whether a name is that of something personal. A consent is not, though it is one to e-mail.
func hides(name string) bool { return personal.MatchString(name) && !amountName.MatchString(name) }

// last is the last named step of a path: that of a list's element is the list's.
func last(path string) string {
	for path != "" {
		i := strings.LastIndexAny(path, "/ ")
		step := path[i+1:]
		if i < 0 || strings.Trim(step, "0123456789") != "" {
			return step
		}
		path = path[:i]
	}
	return ""
}

func secretHeader(rest string) bool {
	name, _, _ := strings.Cut(rest, " ")
	return name == "authorization" || name == "www-authenticate" || name == "cookie" || name == "x-csrf-token"
}

func kindOf(value string) string {
	if strings.HasPrefix(value, "number ") || decimal.MatchString(value) {
		return "number"
	}
	return "text"
}

var (
	decimal = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
	money   = regexp.MustCompile(`^[£€$]?\d{1,9}(\.\d{1,4})?$`)

	// What is personal wherever it stands. The order is that of trying: an address of mail holds digits, a token may too.
	door     = regexp.MustCompile(`(/user/reset/)[^\s"<>]+`)
	linked   = regexp.MustCompile(`\?[^\s"<>]*`)
	mail     = regexp.MustCompile(`[\w.%+'-]+@[\w-]+(?:\.[\w-]+)+`)
	opaque   = regexp.MustCompile(`[A-Za-z0-9_-]{20,}={0,2}`)
	postcode = regexp.MustCompile(`(?i)\b[a-z]{1,2}[0-9][0-9a-z]? ?[0-9][a-z]{2}\b`)
	digits   = regexp.MustCompile(`\+?\(?\d[\d ()-]{8,}\d`)
)

// named is a field's name as it may be kept: keys and addresses in it come from the sides too. Names of cookies look like tokens and stay.
func (r redactor) named(field string) string {
	if len(field) > longest {
		field = field[:longest-12] + r.hidden("rest", field[longest-12:])
	}
	field = door.ReplaceAllString(field, "${1}~")
	field = mail.ReplaceAllStringFunc(field, func(s string) string { return r.hidden("e-mail", s) })
	return strings.ToValidUTF8(digits.ReplaceAllStringFunc(field, r.number), "\uFFFD")
}

// text is a text with its personal parts replaced.
func (r redactor) text(value string) string {
	value = door.ReplaceAllString(value, "${1}~")
	value = linked.ReplaceAllStringFunc(value, r.linkQuery)
	value = mail.ReplaceAllStringFunc(value, func(s string) string { return r.hidden("e-mail", s) })
	value = opaque.ReplaceAllStringFunc(value, func(s string) string {
		if strings.ContainsAny(s, "0123456789") || s != strings.ToLower(s) {
			return r.hidden("token", s)
		}
		return s
	})
	value = digits.ReplaceAllStringFunc(value, r.number)
	return postcode.ReplaceAllStringFunc(value, func(s string) string { return r.hidden("postcode", s) })
}

// linkQuery is a link's query with its values replaced.
func (r redactor) linkQuery(s string) string {
	if !strings.Contains(s, "=") {
		return s
	}
	pairs := strings.Split(s[1:], "&")
	for i, p := range pairs {
		if key, value, has := strings.Cut(p, "="); has && value != "" {
			if plain, err := url.QueryUnescape(value); err == nil {
				value = plain
			}
			pairs[i] = key + "=" + r.hidden(kindOf(value), value)
		}
	}
	return "?" + strings.Join(pairs, "&")
}

// number hides a card's number and a phone's. Dates stay: no phone begins with a year and a dash.
func (r redactor) number(s string) string {
	plain := strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, s)
	switch {
	case len(plain) >= 13 && len(plain) <= 19 && luhn(plain):
		return r.hidden("card", s)
	case len(plain) >= 10 && len(plain) <= 15 && (plain[0] == '0' || s[0] == '+' || s[0] == '('):
		return r.hidden("phone", s)
	}
	return s
}

// luhn says whether digits have the check digit of a card's number.
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// short is a value on one line and no longer than is worth reading.
func short(value string) string {
	value = strings.Join(strings.Fields(strings.ToValidUTF8(value, "\uFFFD")), " ")
	if len(value) <= longest {
		return value
	}
	cut := longest
	for !utf8.RuneStart(value[cut]) {
		cut--
	}
	return value[:cut] + "…"
}
