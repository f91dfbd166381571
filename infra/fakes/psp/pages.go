package psp

import (
	"html/template"
	"net/http"
)

func (p *PSP) pageRoutes(m *http.ServeMux) {
	m.HandleFunc("GET /pay/{id}/{secret}", p.showPage)
	m.HandleFunc("POST /pay/{id}/{secret}", p.payPage)
	m.HandleFunc("GET /pay/3ds/{id}/{secret}", p.showBank)
	m.HandleFunc("POST /pay/3ds/{id}/{secret}", p.answerBank)
}

var look = template.Must(template.New("page").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>{{.Title}}</title>
<style>body{font:16px/1.5 system-ui;max-width:26rem;margin:3rem auto;padding:0 1rem}input,button{font:inherit;padding:.5rem;margin:.25rem 0;width:100%;box-sizing:border-box}.wrong{color:#b00020}</style>
<h1>{{.Title}}</h1><p>{{.Name}} {{.Amount}}</p>{{with .Wrong}}<p class="wrong">{{.}}</p>{{end}}
<form method="post">{{if .Card}}<label>Card number <input name="card" inputmode="numeric" autocomplete="cc-number" value="4242 4242 4242 4242"></label>
<button name="do" value="pay">Pay</button><button name="do" value="cancel">Turn back</button>
<p>Nothing here is real. 4000 0000 0000 0002 is declined, 4000 0000 0000 3220 asks the bank.</p>
{{else}}<button name="do" value="yes">Complete authentication</button><button name="do" value="no">Fail authentication</button>{{end}}</form></html>
`))

// view is what a page shows.
type view struct {
	Title, Name, Amount, Wrong string
	Card                       bool
}

func show(w http.ResponseWriter, status int, v view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	look.Execute(w, v) // a visitor who has gone is no error of ours
}

func (s *page) view(wrong string) view {
	return view{Title: "Pay", Name: s.Name, Amount: sum(s.Amount, s.Currency).String(), Wrong: wrong, Card: true}
}

var gone = view{Title: "This page is no longer open", Name: "You have not been charged here."}

// change runs work on an open page with the right secret, and says where the donor goes next: an address, or a page.
func (p *PSP) change(w http.ResponseWriter, r *http.Request, work func(*tx, *page) (to string, v view, err error)) {
	var to string
	v := gone
	err := p.store.do(func(t *tx) error {
		var s page
		found, err := t.get(r.PathValue("id"), &s)
		if err != nil || !found || s.Secret != r.PathValue("secret") {
			return err
		}
		if err := p.expire(t, &s, s.Expires <= p.unix()); err != nil || s.State != "open" {
			return err
		}
		to, v, err = work(t, &s)
		return err
	})
	p.move(w, r, to, v, err)
}

func (p *PSP) move(w http.ResponseWriter, r *http.Request, to string, v view, err error) {
	switch {
	case err != nil:
		show(w, 500, view{Title: "Something went wrong", Name: err.Error()})
	case to != "":
		http.Redirect(w, r, to, http.StatusSeeOther)
	case v == gone:
		show(w, 410, v)
	default:
		show(w, 200, v)
	}
}

func (p *PSP) showPage(w http.ResponseWriter, r *http.Request) {
	p.change(w, r, func(_ *tx, s *page) (string, view, error) { return "", s.view(""), nil })
}

// payPage is the donor's click. A declined card may be tried again on the same page.
func (p *PSP) payPage(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	card, do := r.FormValue("card"), r.FormValue("do")
	p.change(w, r, func(t *tx, s *page) (string, view, error) {
		if do == "cancel" {
			return s.Cancel, s.view(""), nil
		}
		name, ok := typed(card)
		if !ok {
			return "", s.view("Your card number is not one of the test numbers."), nil
		}
		c, err := p.chargeOf(t, s)
		if err != nil {
			return "", view{}, err
		}
		c.pay(name)
		if err := p.keep(t, c); err != nil {
			return "", view{}, err
		}
		if c.State == action {
			return p.base(r) + "/pay/3ds/" + c.ID + "/" + c.Secret, view{}, t.put(s.ID, "", s)
		}
		if c.Code != "" {
			return "", s.view(declined[c.Code]), t.put(s.ID, "", s)
		}
		return s.Success, view{}, p.complete(t, s)
	})
}

// chargeOf is the page's charge, made when the donor first pays.
func (p *PSP) chargeOf(t *tx, s *page) (*charge, error) {
	if s.Charge != "" {
		var c charge
		_, err := t.get(s.Charge, &c)
		return &c, err
	}
	kind := "pi"
	if s.PSP == Worldpay {
		kind = "wp"
	}
	c := &charge{ID: t.id(kind), PSP: s.PSP, Ref: s.Ref, Meta: s.Meta, Amount: s.Amount, Currency: s.Currency, State: open, Return: s.ID, Created: p.unix()}
	s.Charge = c.ID
	return c, nil
}

func (p *PSP) complete(t *tx, s *page) error {
	s.State = "complete"
	if err := t.put(s.ID, "", s); err != nil || s.PSP == Worldpay {
		return err
	}
	return p.tellStripe(t, "checkout.session.completed", session(s, p.o.Base))
}

func (p *PSP) showBank(w http.ResponseWriter, r *http.Request) {
	p.bank(w, r, func(_ *tx, c *charge) (string, view, error) {
		return "", view{Title: "Your bank asks: is it you?", Amount: sum(c.Amount, c.Currency).String()}, nil
	})
}

// answerBank is the donor's click on the bank's page: 3-D Secure.
func (p *PSP) answerBank(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	yes := r.FormValue("do") == "yes"
	p.bank(w, r, func(t *tx, c *charge) (string, view, error) {
		c.clicked(yes)
		if err := p.keep(t, c); err != nil {
			return "", view{}, err
		}
		var s page
		hosted, err := t.get(c.Return, &s)
		switch {
		case err != nil:
			return "", view{}, err
		case !hosted && c.Return == "":
			return "", view{Title: "Thank you", Name: "You may close this page."}, nil
		case !hosted:
			return c.Return, view{}, nil
		case c.State == succeeded:
			return s.Success, view{}, p.complete(t, &s)
		}
		return p.base(r) + "/pay/" + s.ID + "/" + s.Secret, view{}, nil
	})
}

func (p *PSP) bank(w http.ResponseWriter, r *http.Request, work func(*tx, *charge) (string, view, error)) {
	var to string
	v := gone
	err := p.store.do(func(t *tx) error {
		var c charge
		found, err := t.get(r.PathValue("id"), &c)
		if err != nil || !found || c.State != action || c.Secret != r.PathValue("secret") {
			return err
		}
		to, v, err = work(t, &c)
		return err
	})
	p.move(w, r, to, v, err)
}

// base is our address as the caller's browser sees it.
func (p *PSP) base(r *http.Request) string {
	if p.o.Base != "" {
		return p.o.Base
	}
	return "http://" + r.Host
}
