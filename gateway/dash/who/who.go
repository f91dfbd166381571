// Package who says from whom a request of the admin API is, and what that person or program may do. A token, or another way in behind the
// Identity port, opens the API; a browser gets a session for it, so that the token itself is typed once and never kept.
package who

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
)

// Role is what somebody may do. View, Operate and Approve each may what the one before may.
type Role string

// The roles.
const (
	View    Role = "view"    // read
	Operate Role = "operate" // only lower: roll back, hold, freeze, a smaller weight
	Approve Role = "approve" // raise too: approve schedules, promote, release, enter a phase
	Report  Role = "report"  // tell outcomes, and nothing else
)

var rank = map[Role]int{View: 1, Operate: 2, Approve: 3}

// May says whether the role is enough where another is asked for.
func (r Role) May(need Role) bool {
	if need == Report {
		return r == Report || r == Approve
	}
	return rank[r] >= rank[need] && rank[r] > 0
}

// Person is who asks: a person or a program.
type Person struct {
	Name string
	Role Role
	// Speaks is set for the admin token, which several people may hold: it names the actor of each change itself. All others are
	// the actor of what they change.
	Speaks bool
}

// ErrNobody says that a request holds nothing that the Identity knows.
var ErrNobody = errors.New("who: nobody that is known")

// Identity knows a request's author by what the request holds. It is asked on every request, from many goroutines, and may block
// while the request's context lives. ErrNobody: another Identity may know; any other error ends the request.
type Identity interface {
	Who(r *http.Request) (Person, error)
}

// Tokens is the Identity of "Authorization: Bearer TOKEN".
type Tokens struct {
	// Known are the tokens in force, asked again on every request, so that one taken out of the configuration ends at once.
	Known func() []Token
}

// Token opens the API to whoever has it. It is known by its hash alone; a token must therefore be long and random.
type Token struct {
	Person
	SHA256 [32]byte
}

// Who reads the Authorization header.
func (t Tokens) Who(r *http.Request) (Person, error) {
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return Person{}, ErrNobody
	}
	of, err := t.Of(bearer)
	return of.Person, err
}

// Of is the token as it is known, with whose it is. It takes as long for a wrong one as for a right one.
func (t Tokens) Of(token string) (Token, error) {
	sum := sha256.Sum256([]byte(token)) // equal lengths: the comparison tells nothing
	found, err := Token{}, ErrNobody
	for _, known := range t.Known() {
		if subtle.ConstantTimeCompare(sum[:], known.SHA256[:]) == 1 {
			found, err = known, nil
		}
	}
	return found, err
}

// Still is a session's person as the tokens say it now: the role may have changed since it began; and where the token is gone, or another
// one has come in its place under the same name, nobody.
func (t Tokens) Still(s Session) (Person, bool) {
	for _, known := range t.Known() {
		if known.Name == s.Name && known.Speaks == s.Speaks && bytes.Equal(known.mark(), s.Token) {
			return known.Person, true
		}
	}
	return Person{}, false
}

// mark is as much of the hash as tells one token from another.
func (t Token) mark() []byte { return t.SHA256[:8] }
