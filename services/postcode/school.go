package postcode

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/banyan-migration/banyan/shared/contact"
)

// School is one of the register's; its id is never 0, which older clients take for "none".
type School struct {
	ID       int    `json:"id"`
	Name     string `json:"name"`
	Address1 string `json:"address_1"`
	Address2 string `json:"address_2"`
	Address3 string `json:"address_3"`
	Town     string `json:"town"`
	Postcode string `json:"post_code"`
}

// school is a School with the words that it is found by.
type school struct {
	School
	words []string
}

func (s *service) school(field func(string) string) error {
	id, err := strconv.Atoi(field("id"))
	if err != nil || id < 1 {
		return fmt.Errorf("id %q is a school's number, above 0", field("id"))
	}
	f := School{ID: id, Name: field("name"), Address1: field("address_1"), Address2: field("address_2"), Address3: field("address_3"),
		Town: field("town"), Postcode: field("post_code")}
	if f.Name == "" {
		return fmt.Errorf("school %d has no name", id)
	}
	s.schools = append(s.schools, school{f, words(f.Name + " " + f.Town)})
	return nil
}

const (
	mostSchools = 25 // in one answer: more would not be read
	shortest    = 2  // letters that are worth a search
)

// find are the schools of a postcode, or those whose name and town have every word that was typed, whole or begun; if
// there is none, those that have them with one letter wrong.
func (s *service) find(typed string) []School {
	found := []School{}
	typed = strings.TrimSpace(typed)
	if utf8.RuneCountInString(typed) < shortest {
		return found
	}
	p, err := contact.ParsePostcode(typed)
	byPostcode := err == nil
	asked := words(typed)
	if len(asked) == 0 {
		return found
	}
	for _, meets := range []func(word, asked string) bool{strings.HasPrefix, nearly} {
		for _, f := range s.schools {
			if len(found) < mostSchools && (byPostcode && f.Postcode == string(p) || !byPostcode && f.has(asked, meets)) {
				found = append(found, f.School)
			}
		}
		if len(found) > 0 || byPostcode {
			break
		}
	}
	return found
}

func (f school) has(asked []string, meets func(word, asked string) bool) bool {
	for _, a := range asked {
		any := false
		for _, w := range f.words {
			if any = meets(w, a); any {
				break
			}
		}
		if !any {
			return false
		}
	}
	return true
}

// words are a text's words in lower case, without what people leave out: apostrophes and full stops. "Saint" is "st".
func words(s string) []string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\'' || r == '’' || r == '.':
			return -1
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return ' '
	}, s)
	all := strings.Fields(s)
	for i, w := range all {
		if w == "saint" {
			all[i] = "st"
		}
	}
	return all
}

// nearly says that asked is the beginning of word with one letter changed, added, left out or swapped with the next.
// Words of three letters and fewer are too like each other for that.
func nearly(word, asked string) bool {
	w, a := []rune(word), []rune(asked)
	if len(a) < 4 {
		return strings.HasPrefix(word, asked)
	}
	i := 0
	for i < len(w) && i < len(a) && w[i] == a[i] {
		i++
	}
	begins := func(word, asked []rune) bool {
		return len(asked) <= len(word) && string(word[:len(asked)]) == string(asked)
	}
	if i == len(a) {
		return true
	}
	changed := i < len(w) && begins(w[i+1:], a[i+1:])
	added := begins(w[i:], a[i+1:])
	left := i < len(w) && begins(w[i+1:], a[i:])
	swapped := i+1 < len(w) && i+1 < len(a) && w[i] == a[i+1] && w[i+1] == a[i] && begins(w[i+2:], a[i+2:])
	return changed || added || left || swapped
}
