package donate

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/gorilla/mux"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/money"
	"github.com/banyan-migration/banyan/shared/web"
)

// Cart is what a donation page offers: money buys for giving once, for giving monthly, or both (DON-2). Its id is the
// page's tracking key.
type Cart struct {
	ID      string  `json:"cartId"`
	Single  *Giving `json:"singleGiving"`  // null: not offered
	Regular *Giving `json:"regularGiving"` // null: not offered
}

// Giving is one to three money buys; the second is the amount that the page proposes.
type Giving struct {
	MoneyBuys []MoneyBuy `json:"moneybuys"`
}

// MoneyBuy is an amount and what it does. Clients send the value as a number or as text; it is kept as text.
type MoneyBuy struct {
	Value       money.Typed `json:"value"`
	Description string      `json:"description"`
}

func cartsOf(store kv.Store) kv.Table[Cart] { return kv.Table[Cart]{Store: store, Name: "cart"} }

var cartID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// check says what is wrong with a cart by the path of the field.
func (c Cart) check(l limits) error {
	var wrong fault.List
	if c.Single == nil && c.Regular == nil {
		wrong = append(wrong, fault.Wrong("singleGiving", "is needed where regularGiving is null"))
	}
	for field, g := range map[string]*Giving{"singleGiving": c.Single, "regularGiving": c.Regular} {
		if g == nil {
			continue
		}
		if len(g.MoneyBuys) < 1 || len(g.MoneyBuys) > 3 {
			wrong = append(wrong, fault.Wrong(field, "needs one to three money buys"))
		}
		for _, b := range g.MoneyBuys {
			if a, err := b.Value.In("GBP"); err != nil || a.Minor() < l.least.Minor() || a.Minor() > l.most.Minor() {
				wrong = append(wrong, fault.Wrong(field, "has a money buy that is no amount between "+short(l.least)+" and "+short(l.most)))
			}
		}
	}
	return wrong.Err()
}

func (s *service) getCart(w http.ResponseWriter, r *http.Request) error {
	if err := web.From(r.Context()).May("client"); err != nil {
		return err
	}
	cart, _, err := s.carts.Get(r.Context(), mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	web.Answer(w, http.StatusOK, cart)
	return nil
}

// putCart keeps a cart; put twice it is the same.
func (s *service) putCart(w http.ResponseWriter, r *http.Request) error {
	if err := web.From(r.Context()).May("client"); err != nil {
		return err
	}
	var cart Cart
	if _, err := web.Read(w, r, &cart); err != nil {
		return err
	}
	id := mux.Vars(r)["id"]
	if !cartID.MatchString(id) || cart.ID != "" && cart.ID != id {
		return fault.Wrong("cartId", "must be that of the address: letters, digits, - and _")
	}
	cart.ID = id
	if err := cart.check(s.limits); err != nil {
		return err
	}
	if err := s.store.Commit(r.Context(), s.carts.Put(id, cart, kv.Always)); err != nil {
		return err
	}
	web.Answer(w, http.StatusOK, cart)
	return nil
}

// HandOver is what a page elsewhere says about the gift that somebody is about to make (DON-1). What it says wrongly is
// left out: the donor is asked instead, and never turned away by a link.
type HandOver struct {
	Amount    *money.Amount `json:"amount"`
	Giving    string        `json:"giving"`
	Currency  string        `json:"currency"`
	Cart      *Cart         `json:"cart"`
	Affiliate string        `json:"affiliate,omitempty"`
	SiteURL   string        `json:"siteurl,omitempty"`
	Client    string        `json:"client,omitempty"`
	Row       string        `json:"row,omitempty"`
}

func (s *service) handOver(w http.ResponseWriter, r *http.Request) error {
	h, err := s.readHandOver(r.Context(), r.URL.Query())
	if err != nil {
		return err
	}
	web.Answer(w, http.StatusOK, h)
	return nil
}

func (s *service) readHandOver(ctx context.Context, q url.Values) (HandOver, error) {
	h := HandOver{Giving: single, Currency: "GBP", Affiliate: bounded(q.Get("affiliate")), Client: bounded(q.Get("clientOverride")), Row: bounded(q.Get("rowID"))}
	if strings.EqualFold(q.Get("givingType"), monthly) {
		h.Giving = monthly
	}
	if site, err := url.Parse(q.Get("siteurl")); err == nil && (site.Scheme == "https" || site.Scheme == "http") {
		h.SiteURL = bounded(site.String())
	}
	if a, err := money.Parse(q.Get("amount"), "GBP"); err == nil && a.Minor() >= s.limits.least.Minor() && a.Minor() <= s.limits.most.Minor() &&
		(q.Get("currency") == "" || q.Get("currency") == "GBP") {
		h.Amount = &a
	}
	id := q.Get("cartId")
	if id == "" {
		id = q.Get("moneybuy") // the widget of 2019
	}
	if !cartID.MatchString(id) {
		return h, nil
	}
	cart, _, err := s.carts.Get(ctx, id)
	switch {
	case errors.Is(err, kv.ErrNotFound):
	case err != nil:
		return h, err
	default:
		h.Cart = &cart
	}
	return h, nil
}

// bounded is a tracking value no longer than anybody needs.
func bounded(s string) string {
	if len(s) > 200 {
		return ""
	}
	return s
}
