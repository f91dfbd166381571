package postcode

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"github.com/banyan-migration/banyan/shared/contact"
)

// Place is what is known of a postcode that is in use, or was.
type Place struct {
	Postcode  contact.Postcode `json:"postcode"`
	Area      string           `json:"area"`
	Outcode   string           `json:"outcode"`
	Sector    string           `json:"sector"`
	Incode    string           `json:"incode"`
	Country   string           `json:"country"`
	Latitude  json.Number      `json:"latitude"` // degrees, as the source writes them
	Longitude json.Number      `json:"longitude"`

	ended int // the year and month it ended, as 201706; 0: in use
}

// Terminated is a postcode that is no longer in use.
type Terminated struct {
	Postcode  contact.Postcode `json:"postcode"`
	Year      int              `json:"year_terminated"`
	Month     int              `json:"month_terminated"`
	Latitude  json.Number      `json:"latitude"`
	Longitude json.Number      `json:"longitude"`
}

var degrees = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,2})(\.[0-9]{1,8})?$`)

// place takes a line of postcodes.csv.
func (s *service) place(field func(string) string) error {
	p, err := contact.ParsePostcode(field("pcds"))
	if err != nil {
		return fmt.Errorf("pcds %q is no postcode", field("pcds"))
	}
	lat, long := field("lat"), field("long")
	if !degrees.MatchString(lat) || !degrees.MatchString(long) {
		return fmt.Errorf("lat %q and long %q are degrees, as 51.4901 and -0.1210", lat, long)
	}
	place := Place{Postcode: p, Area: p.Area(), Outcode: p.Outward(), Sector: p.Sector(), Incode: string(p[len(p)-3:]), Country: field("ctry"),
		Latitude: json.Number(lat), Longitude: json.Number(long)}
	if ended := field("doterm"); ended != "" {
		if place.ended, err = strconv.Atoi(ended); err != nil || len(ended) != 6 || place.ended%100 < 1 || place.ended%100 > 12 {
			return fmt.Errorf("doterm %q is a year and month, as 201706", ended)
		}
	}
	s.places[p] = place
	return nil
}

// address takes a line of addresses.csv.
func (s *service) address(field func(string) string) error {
	p, err := contact.ParsePostcode(field("postcode"))
	if err != nil {
		return fmt.Errorf("postcode %q is no postcode", field("postcode"))
	}
	a := Address{Line1: field("line1"), Line2: field("line2"), Line3: field("line3"), PostTown: field("posttown"), Postcode: string(p)}
	if a.Line1 == "" || a.PostTown == "" {
		return fmt.Errorf("an address has line1 and posttown")
	}
	s.addresses[p] = append(s.addresses[p], a)
	return nil
}
