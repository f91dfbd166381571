package form

import "slices"

// Form is one webform of the old site and the services that take its submissions over.
type Form struct {
	Node       int64
	Alias      string   // the path alias of its node, and Record.Form
	Service    string   // decides whether a row is moved or rejected
	Parts      []string // other services that take a part of each row
	Target     string   // the service's path for a live post; empty: no live mapping, so the gateway can only pass it on
	Components []Component
	Bundle     string // the node type whose nodes are the rows, or "file" for managed files; empty for a webform
}

// Component is one component of a webform, as its row in webform_component says.
type Component struct {
	Key       string `json:"key"`
	Type      string `json:"type"` // textfield, email, textarea, select, hidden, …
	Name      string `json:"name"` // its label
	Mandatory bool   `json:"mandatory,omitempty"`
	Group     string `json:"group,omitempty"` // the fieldset that it stands in: "donor", or "donor/address"
}

// Forms are the sample site's seven webforms, by node. It is read only.
var Forms = []Form{
	{Node: 2, Alias: "donate", Service: "donate", Parts: []string{"giftaid", "preferences"}, Target: "/donations", Components: []Component{
		must("amount", "textfield", "Amount"), may("title", "select", "Title"),
		must("first_name", "textfield", "First name"), must("last_name", "textfield", "Last name"),
		must("email", "email", "Email"), may("phone", "textfield", "Mobile"),
		may("address1", "textfield", "Address line 1"), may("town", "textfield", "Town"),
		may("postcode", "textfield", "Postcode"), may("country", "textfield", "Country"),
		may("gift_aid", "select", "Gift Aid"), may("email_consent", "select", "Email consent"),
		may("message", "textarea", "Message"), may("transaction_id", "hidden", "Transaction"),
	}},
	{Node: 3, Alias: "gift-aid", Service: "giftaid", Components: []Component{
		may("transaction_id", "textfield", "Transaction"), may("mobile", "textfield", "Mobile used to text"),
		may("title", "select", "Title"), must("first_name", "textfield", "First name"),
		must("last_name", "textfield", "Last name"), must("address1", "textfield", "Address line 1"),
		may("address2", "textfield", "Address line 2"), may("address3", "textfield", "Address line 3"),
		must("town", "textfield", "Town"), must("postcode", "textfield", "Postcode"),
		may("country", "textfield", "Country"), must("confirm", "select", "I am a UK taxpayer"),
	}},
	{Node: 4, Alias: "contact-us", Service: "contact", Components: []Component{
		must("name", "textfield", "Name"), must("email", "email", "Email"),
		must("topic", "select", "Topic"), must("message", "textarea", "Message"),
	}},
	{Node: 5, Alias: "pay-in", Service: "payin", Parts: []string{"preferences"}, Components: []Component{
		must("type", "select", "Who are you"), may("organisation", "textfield", "Organisation"),
		may("establishment_id", "textfield", "School URN"), must("amount", "textfield", "Amount raised"),
		may("reference", "textfield", "Reference"), must("first_name", "textfield", "First name"),
		must("last_name", "textfield", "Last name"), must("email", "email", "Email"),
		must("postcode", "textfield", "Postcode"),
	}},
	{Node: 6, Alias: "sign-up", Service: "preferences", Components: []Component{
		must("email", "email", "Email"), may("first_name", "textfield", "First name"),
		may("mobile", "textfield", "Mobile"), may("perm_email", "select", "Email"),
		may("perm_sms", "select", "Text"), may("perm_phone", "select", "Phone"),
		may("perm_post", "select", "Post"), may("campaign", "hidden", "Campaign"),
		may("trans_source", "hidden", "Source"),
	}},
	{Node: 7, Alias: "red-nose-competition", Service: "competition", Components: []Component{
		must("child_name", "textfield", "Child's name"), must("age", "textfield", "Age"),
		must("school", "textfield", "School"), must("parent_email", "email", "Parent email"),
		must("idea", "textarea", "Describe your nose"),
	}},
	{Node: 8, Alias: "step-challenge", Service: "steps", Components: []Component{
		must("urn", "textfield", "School URN"), must("school", "textfield", "School"),
		may("class", "textfield", "Class"), must("date", "textfield", "Date"),
		must("steps", "textfield", "Steps"),
	}},
}

// Contents are what the old site keeps for people outside its webforms. A row's SID is its nid or fid. It is read only.
var Contents = []Form{
	{Alias: "giving-page", Service: "pages", Bundle: "giving_page"},
	{Alias: "fundraiser", Service: "gallery", Bundle: "fundraiser"},
	{Alias: "file", Service: "images", Bundle: "file"},
}

func must(key, kind, name string) Component {
	return Component{Key: key, Type: kind, Name: name, Mandatory: true}
}

func may(key, kind, name string) Component { return Component{Key: key, Type: kind, Name: name} }

// ByNode is the webform of a node; false if none of ours stands there.
func ByNode(node int64) (Form, bool) {
	return find(func(f Form) bool { return f.Node == node })
}

// ByAlias is the webform of a path alias ("donate"); false if there is none.
func ByAlias(alias string) (Form, bool) {
	return find(func(f Form) bool { return f.Alias == alias })
}

func find(is func(Form) bool) (Form, bool) {
	if i := slices.IndexFunc(Forms, is); i >= 0 {
		return Forms[i], true
	}
	return Form{}, false
}
