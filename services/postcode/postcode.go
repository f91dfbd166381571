// Package postcode finds addresses by postcode, schools by name, and what is known of a postcode, from the shared
// Layer's files. Typos and spacing are forgiven; what is not found is answered so that a form can open manual entry.
package postcode

import (
	"errors"
	"fmt"

	"github.com/banyan-migration/banyan/shared/contact"
	"github.com/banyan-migration/banyan/shared/host"
)

type service struct {
	places    map[contact.Postcode]Place
	addresses map[contact.Postcode][]Address
	schools   []school
}

// New reads the Layer's files; a line that is wrong stops it, with the file and the line's number.
func New(env host.Env) (host.Service, error) {
	if env.Files == nil {
		return host.Service{}, errors.New("the Layer's files are not there: postcode needs its folder postcode/")
	}
	s := &service{places: map[contact.Postcode]Place{}, addresses: map[contact.Postcode][]Address{}}
	err := errors.Join(
		read(env.Files, "postcode/postcodes.csv", s.place), read(env.Files, "postcode/addresses.csv", s.address), read(env.Files, "postcode/schools.csv", s.school))
	if err != nil {
		return host.Service{}, err
	}
	return host.Service{HTTP: s.routes()}, nil
}

// Address is one delivery point, as the older clients read it: Line2 and Line3 are left out when they are empty, since
// one client shows "Line1, " otherwise.
type Address struct {
	Line1    string `json:"Line1"`
	Line2    string `json:"Line2,omitempty"`
	Line3    string `json:"Line3,omitempty"`
	PostTown string `json:"posttown"`
	Postcode string `json:"postcode"`
}

// found is the answer to an address lookup, not enveloped: older clients want it so. Message is there when nothing was
// found; they search in it.
type found struct {
	Addresses []Address `json:"addresses"`
	Message   string    `json:"message,omitempty"`
}

// lookup finds the addresses of a postcode as somebody typed it.
func (s *service) lookup(typed string) found {
	p, err := contact.ParsePostcode(typed)
	if err != nil {
		return found{Addresses: []Address{}, Message: "Search string is not a valid postcode: " + typed}
	}
	if at := s.addresses[p]; len(at) > 0 {
		return found{Addresses: at}
	}
	return found{Addresses: []Address{}, Message: fmt.Sprintf("No addresses found for %s", p)}
}
