package drupal

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/local/site"
)

func hooks(t testing.TB, source string) (all []string) {
	t.Helper()
	found, err := content(t, source).Hooks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range found {
		all = append(all, fmt.Sprintf("%d %s %s: %s", h.NID, h.Form, h.Kind, h.What))
	}
	return all
}

func TestHooksOfTheSample(t *testing.T) {
	t.Parallel()
	got := hooks(t, write(t, "dump.sql.gz", site.Dump))
	if len(got) != 7 || got[0] != `2 donate confirmation: shows a message of its own afterwards, 9 characters in the format "filtered_html"` {
		t.Errorf("%q", got)
	}
}

// A rule as the rules module serialises it, as far as we look into it.
const rule = `O:17:"RulesReactionRule":2:{s:5:"label";s:8:"Tell CRM";s:11:"` + "\x00*\x00" + `children";a:2:{` +
	`i:0;O:14:"RulesCondition":2:{s:14:"` + "\x00*\x00" + `elementName";s:14:"webform_has_id";s:8:"settings";a:1:{s:16:"selected_webform";a:1:{s:21:"webform-client-form-2";s:21:"webform-client-form-2";}}}` +
	`i:1;O:11:"RulesAction":1:{s:14:"` + "\x00*\x00" + `elementName";s:4:"mail";}}}`

// bytesOf is a serialised value as a dump writes bytes.
func bytesOf(text string) string { return fmt.Sprintf("0x%x", text) }

func TestHooksThatAMoveWouldLose(t *testing.T) {
	t.Parallel()
	extra := `INSERT INTO webform_emails VALUES (2,1,'fundraising@example.org,5','default','default','default','default','',0,0),(2,2,'5','Thanks %value[first_name]','default','default','Dear donor','',0,1);
INSERT INTO webform VALUES (200,'','full_html','https://crm.example/in?token=abc',0,0,0,1,0,1,'',1,3600,500,-1);
INSERT INTO node VALUES (200,1,'webform','und','Old form',1,1,1795369741,1795369741,0,0,0,0,0);
INSERT INTO webform_component VALUES (200,1,0,'photo','Photo','file','','a:2:{s:6:\"scheme\";s:7:\"private\";s:7:\"private\";i:1;}',0,1),
 (200,2,0,'who','Who','textfield','%get[who]','a:1:{s:21:\"conditional_component\";s:1:\"1\";}',0,2),(200,3,0,'php','','markup','<?php print 1;','a:1:{',0,3);
INSERT INTO webform_roles VALUES (200,3);
CREATE TABLE captcha_points (form_id varchar(128), module varchar(64), captcha_type varchar(64));
INSERT INTO captcha_points VALUES ('webform_client_form_4','recaptcha','reCAPTCHA'),('webform_client_form_5',NULL,NULL),('user_login','captcha','Math');
CREATE TABLE rules_config (id int, name varchar(64), label varchar(255), plugin varchar(127), active int, data longblob);
INSERT INTO rules_config VALUES (1,'rules_crm','Tell CRM','reaction rule',1,` + bytesOf(rule) + `),(2,'rules_any','Any','reaction rule',0,` + bytesOf("a:1:{") + `),(3,'rules_node','Other','reaction rule',1,'');
CREATE TABLE rules_trigger (id int, event varchar(127));
INSERT INTO rules_trigger VALUES (1,'webform_submit'),(2,'webform_delete'),(3,'node_insert');
CREATE TABLE webform_scheduler (nid int, begin int, end int);
INSERT INTO webform_scheduler VALUES (200,0,1552696933);
CREATE TABLE webform_validation_rule (ruleid int, rulename varchar(255), nid int, validator varchar(255));
INSERT INTO webform_validation_rule VALUES (1,'x',3,'regex');
CREATE TABLE webform_conditional (nid int, rgid int, andor varchar(128), weight int);
CREATE TABLE webform_conditional_actions (nid int, rgid int, aid int, target_type varchar(128), target varchar(128), action varchar(128));
INSERT INTO webform_conditional_actions VALUES (3,0,0,'component','2','show');
CREATE TABLE webform_civicrm_forms (nid int, data text);
INSERT INTO webform_civicrm_forms VALUES (6,'');
INSERT INTO variable VALUES ('honeypot_form_webform_client_form_7','i:1;'),('honeypot_form_webform_client_form_8','i:0;');
INSERT INTO system VALUES ('sites/all/modules/webform_crm/webform_crm.module','webform_crm','module','',1,0,7000,0,` + bytesOf(`a:1:{s:12:"dependencies";a:1:{i:0;s:7:"webform";}}`) + `),('sites/all/modules/webform_off/webform_off.module','webform_off','module','',0,0,7000,0,` + bytesOf(`a:1:{s:12:"dependencies";a:1:{i:0;s:7:"webform";}}`) + `);
`
	dump := []byte(strings.Replace(lax(t), "-- Dump completed", extra+"-- Dump completed", 1))
	want := []string{
		"0  handler: module webform_crm is built on webform and may act on any submission",
		"0  rule: rule rules_any runs actions that cannot be read on webform_delete (switched off)",
		"2 donate email: sends an email to a fixed address at example.org and whoever email names with the default subject",
		"2 donate email: sends an email to whoever email names with a subject of its own that names values and a text of its own and the files that were sent",
		"2 donate rule: rule rules_crm runs mail on webform_submit",
		"200 node/200 closed: takes no submissions any more",
		"200 node/200 condition: shows who only where another component says so",
		"200 node/200 confirmation: sends the visitor on to https://crm.example/in",
		"200 node/200 draft: lets signed-in visitors go on later with what they began",
		"200 node/200 file: keeps the files of photo in private://webform",
		"200 node/200 handler: runs PHP in php",
		"200 node/200 limit: takes 1 submissions from one visitor in 3600 seconds",
		"200 node/200 limit: takes 500 submissions in all ever",
		"200 node/200 prefill: fills who in by %get",
		"200 node/200 private: shows photo to editors alone",
		"200 node/200 roles: is for signed-in visitors alone: administrator",
		"200 node/200 schedule: opens: at once or never; closes: 16 March 2019 00:42 UTC",
		"3 gift-aid condition: shows, fills in or demands mobile only where another component says so",
		`3 gift-aid validation: checks by the rule "regex"`,
		"4 contact-us captcha: asks a CAPTCHA (recaptcha/reCAPTCHA)",
		"6 sign-up crm: hands submissions to CiviCRM",
		"7 red-nose-competition captcha: turns away who fills in a hidden field, or is too quick (honeypot)",
	}
	for _, source := range []string{write(t, "dump.sql", dump), loaded(t, dump)} {
		got := slices.DeleteFunc(hooks(t, source), func(h string) bool { return strings.Contains(h, "shows a message of its own") })
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
