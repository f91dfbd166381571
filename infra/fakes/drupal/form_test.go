package drupal_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/replay"
)

// forms are the seven webforms and a post that each takes.
var forms = []struct {
	nid    int
	path   string
	values []string // keys and values
}{
	{2, "/donate", []string{"amount", "25.00", "first_name", "Siân", "last_name", "O'Neill", "email", " sian@example.org ", "title", "Ms"}},
	{3, "/gift-aid", []string{"first_name", "Siân", "last_name", "O'Neill", "address1", "1 Heol y Bont", "town", "Caerdydd", "postcode", "cf10 1aa", "confirm", "0"}},
	{4, "/contact-us", []string{"name", "Tom", "email", "tom@example.org", "topic", "other", "message", "two\r\nlines <b>&"}},
	{5, "/pay-in", []string{"type", "school", "amount", "12", "first_name", "A", "last_name", "B", "email", "a@example.org", "postcode", "LS1 1AA"}},
	{6, "/sign-up", []string{"email", "a@example.org"}},
	{7, "/red-nose-competition", []string{"child_name", "A", "age", "7", "school", "S", "parent_email", "p@example.org", "idea", "red"}},
	{8, "/step-challenge", []string{"urn", "100000", "school", "S", "date", "2019-03-15", "steps", "many"}},
}

func fields(nid int, values []string) []string {
	all := []string{"form_id", fmt.Sprintf("webform_client_form_%d", nid), "op", "Send"}
	for i := 0; i < len(values); i += 2 {
		all = append(all, "submitted["+values[i]+"]", values[i+1])
	}
	return all
}

// stored is what the tables hold of a submission: the value of each component by key.
func (w *world) stored(sid int) map[string]string {
	w.t.Helper()
	rows, err := w.db.Query(`SELECT c.form_key, d.data FROM webform_submitted_data d JOIN webform_submissions s ON s.sid = d.sid AND s.nid = d.nid
		JOIN webform_component c ON c.nid = d.nid AND c.cid = d.cid WHERE d.sid = ? AND d.no = '0' AND s.uid = 0 AND s.is_draft = 0 AND s.submitted = ?`,
		sid, w.clock().Unix())
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var key, data string
		if err := rows.Scan(&key, &data); err != nil {
			w.t.Fatal(err)
		}
		all[key] = data
	}
	return all
}

func TestEveryFormTakesItsPost(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	for i, f := range forms {
		v := w.visitor(t)
		a := v.post(f.path, fields(f.nid, f.values)...)
		want := fmt.Sprintf("http://www.rednosefund.example/node/%d/done?sid=%d", f.nid, i+1)
		if a.Status != "302 Found" || a.Header("Location") != want {
			t.Errorf("%s: %s to %q, not to %q", f.path, a.Status, a.Header("Location"), want)
			continue
		}
		got := w.stored(i + 1)
		for j := 0; j < len(f.values); j += 2 {
			key, value := f.values[j], f.values[j+1]
			if strings.Contains(key, "email") {
				value = strings.TrimSpace(value)
			}
			if got[key] != value {
				t.Errorf("%s: %s is stored as %q, not %q", f.path, key, got[key], value)
			}
			delete(got, key)
		}
		for key, value := range got { // every component has a row, and the rest are empty
			if value != "" {
				t.Errorf("%s: %s is stored as %q, and nothing was typed", f.path, key, value)
			}
		}
		done := v.get(strings.TrimPrefix(a.Header("Location"), "http://www.rednosefund.example"))
		has(t, done, "<p>Thank you</p>", `<a href="`+f.path+`">Go back to the form</a>`, "Warning")
		if v.cookie != "" {
			t.Errorf("%s: the page that thanks left the cookie %s", f.path, v.cookie) // D-10
		}
	}
}

// TestPostByEveryName is D-8: a form's post is taken under every name of its page.
func TestPostByEveryName(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	for i, path := range []string{"/donate", "/node/2", "/?q=donate", "/?q=node/2", "/index.php?q=donate", "/donate/", "/Donate", "/donate?utm_source=x"} {
		a := w.visitor(t).post(path, fields(2, forms[0].values)...)
		if want := fmt.Sprintf("http://www.rednosefund.example/node/2/done?sid=%d", i+1); a.Header("Location") != want {
			t.Errorf("%s: %s to %q, not to %q", path, a.Status, a.Header("Location"), want)
		}
	}
}

func TestRefusedPostKeepsTyping(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	long := strings.Repeat("é", 129)
	for _, c := range []struct {
		nid    int
		path   string
		values []string
		errors []string
		kept   []string
	}{
		{2, "/donate", []string{"first_name", long, "email", "a@b"}, []string{"Amount field is required.",
			`First name cannot be longer than <em class="placeholder">128</em> characters but is currently <em class="placeholder">129</em> characters long.`,
			"Last name field is required.", `<em class="placeholder">a@b</em> is not a valid email address.`}, []string{`value="` + long + `"`}},
		{2, "/donate", append([]string{"gift_aid", "2", "message", "</textarea>"}, forms[0].values...),
			[]string{"An illegal choice has been detected. Please contact the site administrator."}, []string{`value="25.00"`, `&lt;/textarea&gt;</textarea>`}},
		{4, "/contact-us", []string{"name", " ", "email", ""}, []string{"Name field is required.", "Email field is required.",
			"Topic field is required.", "Message field is required."}, []string{`class="form-radio error"`, `class="form-textarea required error"`}},
		{7, "/red-nose-competition", nil, []string{"Child's name field is required.", "Age field is required.", "School field is required.",
			"Parent email field is required.", "Describe your nose field is required."}, nil},
	} {
		a := w.visitor(t).post(c.path, fields(c.nid, c.values)...)
		if got := complaints(string(a.Body)); a.Status != "200 OK" || !slices.Equal(got, c.errors) {
			t.Errorf("%s: %s with %q, not with %q", c.path, a.Status, got, c.errors)
		}
		has(t, a, c.kept...)
		if a.Header("Set-Cookie") != "" {
			t.Errorf("%s: a refused post set the cookie %s", c.path, a.Header("Set-Cookie"))
		}
	}
	var n int
	if err := w.db.QueryRow(`SELECT count(*) FROM webform_submissions`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d submissions stored of refused posts (%v)", n, err)
	}
}

// TestBothEncodingsStoreTheSame: browsers send the form as multipart, scripts urlencoded.
func TestBothEncodingsStoreTheSame(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	all := recording(t)
	p := replay.New(w.dial)
	defer p.Close()
	for _, i := range []int{12, 15} {
		if _, err := p.Send(all[i].Request); err != nil {
			t.Fatal(err)
		}
	}
	a, b := w.stored(1), w.stored(2)
	if len(a) != 14 || !reflect.DeepEqual(a, b) {
		t.Errorf("urlencoded %v, multipart %v", a, b)
	}
}

// TestOtherPostsShowTheForm: a post that is not the form's own leaves nothing behind.
func TestOtherPostsShowTheForm(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	v := w.visitor(t)
	for _, a := range []replay.Answer{
		v.post("/donate", fields(3, forms[1].values)...),
		v.post("/donate"),
		v.send(replay.Request{Method: "POST", Path: "/donate", Body: []byte(`{"amount":1}`), Headers: [][2]string{{"Content-Type", "application/json"}}}),
		v.send(replay.Request{Method: "POST", Path: "/donate", Body: []byte("--x\r\nbroken"), Headers: [][2]string{{"Content-Type", "multipart/form-data; boundary=x"}}}),
	} {
		if got := complaints(string(a.Body)); a.Status != "200 OK" || got != nil || a.Header("Cache-Control") != "no-cache, must-revalidate" {
			t.Errorf("%s, errors %q, %s", a.Status, got, a.Header("Cache-Control"))
		}
	}
}
