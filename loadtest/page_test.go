package loadtest

import (
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const urlencoded = `<form action="/x"><input name="name"></form>
<form action="/sign-up" method="post"><input type="email" name="submitted[who][email]" value="">
<input type="radio" name="submitted[perm]" value="1"/><input type="radio" name="submitted[perm]" value="0"/>
<select name="submitted[town]"><option value="">-</option><option value="Leeds">Leeds</option></select>
<textarea name="submitted[message]"></textarea><input type="hidden" name="details[sid]">
<input type="hidden" name="form_build_id" value="form-&amp;1"><input type="submit" name="op" value="Sign up"><input type="submit" name="other"></form>`

func TestFormsAreFilledInAsTheyStand(t *testing.T) {
	t.Parallel()
	var all forms
	f, ok := all.read("/sign-up", []byte(urlencoded))
	if !ok || f.action != "/sign-up" || f.multipart {
		t.Fatalf("%+v, %v", f, ok)
	}
	kind, body := f.encode(newDonor(1, 7).fill(f, ""))
	got, err := url.ParseQuery(string(body))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		t.Fatal(kind, err)
	}
	for name, want := range map[string]string{"submitted[who][email]": "donor7@example.org", "submitted[town]": "Leeds", "details[sid]": "",
		"submitted[message]": "Good luck & thank you", "form_build_id": "form-&1", "op": "Sign up"} {
		if !got.Has(name) || got.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
	if perm := got.Get("submitted[perm]"); len(got["submitted[perm]"]) != 1 || (perm != "0" && perm != "1") {
		t.Errorf("radio buttons gave %q", got["submitted[perm]"])
	}
	if got.Has("other") || got.Has("submitted[transaction_id]") || got.Has("name") {
		t.Errorf("sent what no browser would send: %v", got)
	}
}

func TestMultipartIsReadByOthers(t *testing.T) {
	t.Parallel()
	kind, body := form{multipart: true}.encode([]pair{{"submitted[message]", "two\r\nlines"}, {"op", "Siân"}})
	_, params, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Fatal(err)
	}
	got, err := multipart.NewReader(strings.NewReader(string(body)), params["boundary"]).ReadForm(1 << 20)
	if err != nil || got.Value["submitted[message]"][0] != "two\r\nlines" || got.Value["op"][0] != "Siân" {
		t.Errorf("%v, %v", got, err)
	}
}

// A page that is read from memory is the page that would have been read from its HTML.
func FuzzForm(f *testing.F) {
	f.Add(urlencoded, "form-2")
	f.Add(`<form><input name="submitted[a]"><input name="form_build_id" value="`, "")
	f.Fuzz(func(t *testing.T, page, id string) {
		var all forms
		first, ok := all.read("/", []byte(page))
		if !ok || strings.ContainsAny(id, "\"&\x00\r") {
			return
		}
		newDonor(1, 1).fill(first, "ref")
		other := strings.ReplaceAll(page, `value="form-&amp;1"`, `value="`+id+`"`)
		again, ok := all.read("/", []byte(other))
		text, found := webform([]byte(other))
		if ok != found || ok && !slices.EqualFunc(again.fields, read(text).fields, func(a, b field) bool { return a.name == b.name && a.value == b.value }) {
			t.Errorf("%q: remembered %+v", other, again)
		}
	})
}
