package drupal

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/banyan-migration/banyan/shared/form"
)

// Whatever is posted: nothing typed becomes markup, and a form of ours is answered with the form or a redirect.
func FuzzBody(f *testing.F) {
	for _, e := range recorded(f) {
		if e.Request.Method == "POST" {
			f.Add(e.request().ContentType, e.Request.Body)
		}
	}
	f.Add("application/x-www-form-urlencoded", "form_id=webform_client_form_2&submitted[a][b][]=%&submitted[email]=%3Cscript&x[=1&[]=2&submitted=3&=&&")
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"form_id\"\r\n\r\nwebform_client_form_2\r\n--x--")
	a := adapter(f, nil)
	clean := tags(a.pages[errorFile].render(fill{messages: []string{"", ""}}))
	f.Fuzz(func(t *testing.T, contentType, body string) {
		r := post(body)
		r.ContentType = contentType
		if !a.Takes(r) {
			return
		}
		got := a.Serve(t.Context(), r, func(context.Context, string, string, [][2]string, []byte) (Answer, error) {
			return jsonAnswer(400, `{"validation_errors":{"amount":["No.","No."]}}`), nil
		})
		if got.Status != 200 {
			t.Fatalf("answered with %d", got.Status)
		}
		if all := tags(got.Body); !strings.HasSuffix(all, clean[strings.Index(clean, " main-wrapper"):]) {
			t.Errorf("the page's elements changed:\n%s", got.Body)
		}
	})
}

// tags is a page's start tags in order, with the ids of those that have one.
func tags(page []byte) string {
	var b strings.Builder
	for z := html.NewTokenizer(bytes.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			b.WriteString(" " + t.Data)
			for _, a := range t.Attr {
				if a.Key == "id" {
					b.WriteString(" " + a.Val)
				}
			}
		}
	}
}

// Whatever page a site answers with, it is refused or makes files that the adapter reads.
func FuzzFreeze(f *testing.F) {
	w := widgetAnswers() // small, so that a mutation hits something
	f.Add(w.Form.Body, w.Refused.Body, w.Done.Body)
	f.Fuzz(func(t *testing.T, shown, refused, done []byte) {
		files, err := Freeze(2, "donate", widgets, Answers{Answer{Body: shown}, Answer{Body: done}, Answer{Body: refused}})
		if err != nil {
			return
		}
		var list []component
		for _, c := range widgets {
			list = append(list, component{Component: form.Component{Key: c.Key}})
		}
		for _, name := range []string{formFile, doneFile, errorFile} {
			if _, err := parsePage(name, string(files[name]), list); err != nil {
				t.Error(err)
			}
		}
	})
}

// What the adapter itself costs a gift: a post read, checked, mapped, answered.
func BenchmarkGift(b *testing.B) {
	a, e := adapter(b, nil), recorded(b)[12]
	s := jsonAnswer(201, `{"data":{"id":"gift-1"}}`)
	call := func(context.Context, string, string, [][2]string, []byte) (Answer, error) { return s, nil }
	b.ReportAllocs()
	for b.Loop() {
		if r := e.request(); !a.Takes(r) || a.Serve(b.Context(), r, call).Status != 302 {
			b.Fatal("not taken")
		}
	}
}

func BenchmarkForm(b *testing.B) {
	a, r := adapter(b, nil), recorded(b)[11].request()
	b.ReportAllocs()
	for b.Loop() {
		if a.Serve(b.Context(), r, nil).Status != 200 {
			b.Fatal("not shown")
		}
	}
}
