package form

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/local/site"
)

// table calls each with the rows of one table of the sample dump, in which each row has a line of its own.
func table(t *testing.T, name string, each func(line string)) {
	t.Helper()
	zipped, err := gzip.NewReader(bytes.NewReader(site.Dump))
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(zipped)
	lines.Buffer(nil, 1<<20)
	for in := false; lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "INSERT INTO `"+name+"` VALUES"):
			in = true
		case !strings.HasPrefix(line, "("):
			in = false
		case in:
			each(line)
		}
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
}

func unescape(s string) string {
	return strings.NewReplacer(`\'`, `'`, `\n`, "\n", `\r`, "\r", `\\`, `\`, `\"`, `"`).Replace(s)
}

func TestFormsAreTheSampleSitesWebforms(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile(`^\((\d+),\d+,0,'([^']*)','((?:[^'\\]|\\.)*)','(\w+)','',.*,([01]),\d+\)[,;]$`)
	got := map[int64][]Component{}
	table(t, "webform_component", func(line string) {
		m := row.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("a component not understood: %s", line)
		}
		node, _ := strconv.ParseInt(m[1], 10, 64)
		got[node] = append(got[node], Component{Key: m[2], Name: unescape(m[3]), Type: m[4], Mandatory: m[5] == "1"})
	})
	alias := map[int64]string{}
	table(t, "url_alias", func(line string) {
		if m := regexp.MustCompile(`^\(\d+,'node/(\d+)','([^']*)'`).FindStringSubmatch(line); m != nil {
			node, _ := strconv.ParseInt(m[1], 10, 64)
			alias[node] = m[2]
		}
	})
	if len(got) != len(Forms) {
		t.Errorf("the site has %d webforms, Forms has %d", len(got), len(Forms))
	}
	for _, f := range Forms {
		if !reflect.DeepEqual(got[f.Node], f.Components) || alias[f.Node] != f.Alias {
			t.Errorf("node %d is %s with\n%v, Forms says %s with\n%v", f.Node, alias[f.Node], got[f.Node], f.Alias, f.Components)
		}
	}
}

// The truth counts a row under its first reason: draft, amount, email, first_name.
func TestSampleDonationsAreTheTruth(t *testing.T) {
	t.Parallel()
	var truth struct {
		Donate struct {
			Rows, Migratable int
			Rejected         map[string]int
			Pence            int64 `json:"sum_pence"`
		}
	}
	if err := json.Unmarshal(site.Truth, &truth); err != nil {
		t.Fatal(err)
	}
	draft := map[string]bool{}
	table(t, "webform_submissions", func(line string) {
		cells := strings.Split(line, ",")
		draft[strings.TrimPrefix(cells[0], "(")] = cells[3] == "1"
	})
	donate, _ := ByAlias("donate")
	records := map[string]Record{}
	row := regexp.MustCompile(`^\(2,(\d+),(\d+),'0','(.*)'\)[,;]$`)
	table(t, "webform_submitted_data", func(line string) {
		m := row.FindStringSubmatch(line)
		if m == nil {
			return
		}
		if records[m[1]].Values == nil {
			records[m[1]] = Record{Form: "donate", Values: map[string][]string{}}
		}
		cid, _ := strconv.Atoi(m[2])
		records[m[1]].Values[donate.Components[cid-1].Key] = []string{unescape(m[3])}
	})
	rows, migratable, pence, rejected := 0, 0, int64(0), map[string]int{}
	for sid, r := range records {
		rows++
		d, no := ReadDonation(r)
		switch {
		case draft[sid]:
			rejected["draft"]++
		case len(no) > 0:
			rejected[no[0].Field]++
		default:
			migratable++
			if !strings.Contains(d.Amount, ".") {
				d.Amount += ".00"
			}
			n, err := strconv.ParseInt(strings.Replace(d.Amount, ".", "", 1), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			pence += n
		}
	}
	want := truth.Donate
	if rows != want.Rows || migratable != want.Migratable || pence != want.Pence || !reflect.DeepEqual(rejected, want.Rejected) {
		t.Errorf("rows %d, migratable %d, pence %d, rejected %v; the truth is %+v", rows, migratable, pence, rejected, want)
	}
}

func TestAmount(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"25": "25.00", "25.00": "25.00", " £1,234.50 ": "1234.50", "GBP 10.00": "10.00", "£1000": "1000.00", "0.01": "0.01",
		"": "", "£": "", "ten": "", "-1": "", "0": "", "0.00": "", "1e3": "", "5.005": "", "5.5": "", "NaN": "",
		"£1O": "", "1,00": "", "٣": "", "£ 10": "", "1,0000": "", "GBP10": "", "10.": "", "£GBP 5": "",
	} {
		if got, ok := Amount(typed); ok != (want != "") || ok && got != want {
			t.Errorf("Amount(%q) = %q, %v; want %q", typed, got, ok, want)
		}
	}
}

func TestDonationAndBack(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	d := Donation{Amount: "25.00", Currency: "GBP", Giving: "single", Title: "Ms", FirstName: "Siân", LastName: "O'Neill",
		Email: "sian@example.org", Phone: "07700 900123", Address1: "1 Heol y Bont", Town: "Caerdydd", Postcode: "cf10 1aa",
		Country: "GB", GiftAid: &yes, EmailConsent: &no, Message: " two\r\nlines ", Reference: "CR-1"}
	if got := DonationOf(d.Values()); !reflect.DeepEqual(got, d) {
		t.Errorf("there and back: %+v, want %+v", got, d)
	}
	donate, _ := ByNode(2)
	for _, c := range donate.Components {
		if _, ok := d.Values()[c.Key]; !ok {
			t.Errorf("the way back forgets %s", c.Key)
		}
	}
	empty := DonationOf(nil)
	if empty.GiftAid != nil || empty.EmailConsent != nil || empty.Country != "GB" || empty.Payment != nil {
		t.Errorf("nothing typed became %+v", empty)
	}
	if donate.Component("reference") != "transaction_id" || donate.Component("email") != "email" {
		t.Error("a refusal of reference must stand at transaction_id")
	}
}

func TestReasonsComeInTheTruthsOrder(t *testing.T) {
	t.Parallel()
	_, no := ReadDonation(Record{Values: map[string][]string{"amount": {"£1O"}, "email": {"a@b@c"}}})
	fields := ""
	for _, r := range no {
		fields += r.Field + " "
	}
	if fields != "amount email first_name " {
		t.Errorf("refused for %s", fields)
	}
}

func FuzzAmount(f *testing.F) {
	f.Add("£1,234.50")
	f.Add("GBP 0.01")
	f.Fuzz(func(t *testing.T, typed string) {
		plain, ok := Amount(typed)
		if !ok {
			return
		}
		if again, ok := Amount(plain); !ok || again != plain {
			t.Errorf("%q became %q, which became %q", typed, plain, again)
		}
	})
}
