package drupal

import (
	"regexp"
	"slices"
	"strings"
)

// knownTable is what Census looks for in a table that something of ours reads. Columns are separated by spaces; one that
// a site does not have is passed over.
type knownTable struct {
	key    string // what names a row, in the order in which the rows are read
	need   string // what is never NULL in Drupal's own schema
	times  string // Unix times, which are not 0
	php    string // serialised values
	refers []refer
	row    func(*linked, fields) // what else there is to say
}

// refer is a column whose number must be in a column of another table.
type refer struct {
	column, table, id string
	kind              string // of what is not
}

var author = refer{"uid", "users", "uid", "missing user"}

// The tables of Drupal 7 and, but for those of tables8, of later ones.
var tables7 = map[string]knownTable{
	"node": {key: "nid", need: "nid type language title uid status created changed", times: "created changed",
		refers: []refer{{"vid", "node_revision", "vid", "node without its revision"}, author}, row: (*linked).once},
	"node_revision":         {key: "vid", need: "nid vid uid title", times: "timestamp", refers: []refer{{"nid", "node", "nid", "revision of a missing node"}, author}},
	"node_type":             {key: "type"},
	"field_config":          {key: "id", need: "field_name type data", php: "data"},
	"field_config_instance": {key: "id", need: "field_name entity_type bundle data", php: "data"},
	"url_alias":             {key: "pid", need: "source alias", row: (*linked).alias},
	"redirect":              {key: "rid", php: "source_options redirect_options", row: (*linked).redirect},
	"menu_links":            {key: "mlid", need: "menu_name link_path link_title", php: "options", row: (*linked).menu},
	"menu_router":           {key: "path"},
	"menu_custom":           {key: "menu_name"},
	"file_managed":          {key: "fid", need: "filename uri filemime filesize status timestamp", times: "timestamp changed", refers: []refer{author}, row: (*linked).file},
	"file_usage":            {key: "fid module type id", need: "fid module type id", refers: []refer{{"fid", "file_managed", "fid", "use of a missing file"}}},
	"taxonomy_term_data":    {key: "tid", need: "vid name"},
	"taxonomy_vocabulary":   {key: "vid", need: "name"},
	"users":                 {key: "uid", need: "name", php: "data"},
	"comment":               {key: "cid", need: "nid", times: "created changed", refers: []refer{{"nid", "node", "nid", "comment on a missing node"}}},
	"variable":              {key: "name", need: "value", php: "value"},
	"system":                {key: "filename", php: "info"},
	"rules_config":          {key: "id", php: "data"},
	"rules_trigger":         {key: "id event"},
	"captcha_points":        {key: "form_id"},
	"banyan_origin":         {key: "sid", refers: []refer{{"sid", "webform_submissions", "sid", "origin of a missing submission"}}},
	"webform":               {key: "nid", refers: []refer{{"nid", "node", "nid", "webform of a missing node"}}},
	"webform_component":     {key: "nid cid", need: "nid cid form_key name type", php: "extra", refers: []refer{{"nid", "node", "nid", "component of a missing node"}}, row: (*linked).component},
	"webform_submissions": {key: "sid", need: "sid nid is_draft submitted", times: "submitted",
		refers: []refer{author}, row: (*linked).submission},
	"webform_emails":              {key: "nid eid", php: "extra"},
	"webform_roles":               {key: "nid rid"},
	"webform_conditional":         {key: "nid rgid"},
	"webform_conditional_actions": {key: "nid rgid aid"},
	"webform_conditional_rules":   {key: "nid rgid rid"},
	"webform_validation_rule":     {key: "ruleid"},
	"webform_scheduler":           {key: "nid"},
	"webform_civicrm_forms":       {key: "nid"},
	"mollom_form":                 {key: "form_id"},
	"role":                        {key: "rid"},
}

// The tables that later versions have besides, or otherwise.
var tables8 = map[string]knownTable{
	"node": {key: "nid", need: "nid type langcode", refers: []refer{{"vid", "node_revision", "vid", "node without its revision"}}, row: (*linked).once},
	"node_field_data": {key: "nid langcode", need: "nid vid type langcode status uid title created changed default_langcode", times: "created changed",
		refers: []refer{{"nid", "node", "nid", "data of a missing node"}, {"uid", "users", "uid", "missing user"}}},
	"node_revision":            {key: "vid", need: "nid vid langcode", refers: []refer{{"nid", "node", "nid", "revision of a missing node"}}},
	"path_alias":               {key: "id", need: "path alias langcode", row: (*linked).alias},
	"redirect":                 {key: "rid", php: "redirect_source__query redirect_redirect__options", row: (*linked).redirect},
	"menu_tree":                {key: "mlid", need: "menu_name id parent"},
	"menu_link_content":        {key: "id", need: "uuid"},
	"menu_link_content_data":   {key: "id langcode", need: "title menu_name", php: "link__options"},
	"router":                   {key: "name"},
	"config":                   {key: "collection name", php: "data"},
	"taxonomy_term_field_data": {key: "tid langcode", need: "vid name"},
	"taxonomy_term_data":       {key: "tid langcode", need: "vid"},
	"media_field_data":         {key: "mid langcode", need: "name", times: "created changed"},
	"media":                    {key: "mid"},
	"users":                    {key: "uid"},
	"comment":                  {key: "cid"},
}

// fieldRows is what is looked for in a field's table.
var fieldRows = knownTable{key: "entity_type entity_id delta language langcode", need: "entity_id delta bundle", row: (*linked).field}

// ofField finds the values of fields in use.
var ofField = regexp.MustCompile(`^(field_data_\w+|(node|media)__\w+)$`)

// known is what to look for in a table, nil where that is nothing.
func (d *contentDB) known(table string) *knownTable {
	if ofField.MatchString(table) && d.has(table, "entity_id", "delta") {
		return &fieldRows
	}
	if t, is := tables8[table]; is && d.version == 8 {
		return &t
	}
	if t, is := tables7[table]; is {
		return &t
	}
	return nil
}

// isRead says whether the rows of a dump's table are loaded; its prefix is not known yet.
func isRead(table string) bool {
	for _, all := range []map[string]knownTable{tables7, tables8} {
		for name := range all {
			if strings.HasSuffix(table, name) && !strings.HasSuffix(table, "cache_"+name) {
				return true
			}
		}
	}
	return fieldish.MatchString(table)
}

// keyNamed is the key of a dump's table.
func keyNamed(table string) string {
	if fieldish.MatchString(table) {
		return fieldRows.key
	}
	best := ""
	for _, all := range []map[string]knownTable{tables7, tables8} {
		for name := range all {
			if strings.HasSuffix(table, name) && len(name) > len(best) {
				best = name
			}
		}
	}
	if t, is := tables7[best]; is {
		return t.key
	}
	return tables8[best].key
}

var fieldish = regexp.MustCompile(`field_data_|(node|media)__`)

// uses are what becomes of the tables that Drupal and its common modules have.
var uses = map[string][]string{
	"moved": strings.Fields(`webform_submissions webform_submitted_data file_managed`),
	"content": strings.Fields(`node node_field_data url_alias path_alias redirect menu_links menu_link_content menu_link_content_data taxonomy_term_data
		taxonomy_term_field_data media media_field_data`),
	"read": strings.Fields(`node_revision node_type field_config field_config_instance file_usage menu_router menu_custom menu_tree router variable config
		rules_config rules_trigger captcha_points banyan_origin webform webform_component webform_emails webform_roles webform_conditional
		webform_conditional_actions webform_conditional_rules webform_validation_rule webform_scheduler webform_civicrm_forms mollom_form role users
		taxonomy_vocabulary`),
	"left": strings.Fields(`users_field_data users_data users_roles user__roles user__user_picture authmap comment comment_field_data comment__comment_body
		field_data_comment_body block_custom block_content block_content_field_data block_content__body webform_submission webform_submission_data poll poll_choice
		poll_vote forum book profile profile_value contact_message`),
	"settings": strings.Fields(`actions block block_node_type block_role blocked_ips contact date_format_locale date_format_type date_formats filter filter_format
		image_effects image_styles node_access rdf_mapping registry registry_file role_permission sequences shortcut_set shortcut_set_users shortcut shortcut_field_data
		shortcut_set_users system taxonomy_term_hierarchy taxonomy_term__parent key_value rules_dependencies rules_tags languages locales_source locales_target
		locales_location views_view views_display ctools_css_cache ctools_object_cache`),
	"log": strings.Fields(`watchdog accesslog sessions history flood semaphore queue batch webform_last_download search_api_task key_value_expire
		node_field_revision path_alias_revision menu_link_content_revision menu_link_content_field_revision media_revision media_field_revision
		taxonomy_term_revision taxonomy_term_field_revision block_content_revision block_content_field_revision redirect_404`),
	"cache": strings.Fields(`cache cachetags search_dataset search_index search_node_links search_total taxonomy_index comment_entity_statistics
		node_comment_statistics node_counter xmlsitemap`),
}

// patterns are what becomes of tables that are made as a site needs them.
var patterns = []struct {
	use  string
	name *regexp.Regexp
}{
	{"cache", regexp.MustCompile(`^cache_\w+$`)},
	{"left", regexp.MustCompile(`^(comment|block_content|user|paragraph)__\w+$`)},
	{"log", regexp.MustCompile(`^(field_revision_\w+|field_deleted_\w+|\w+_(revision|r)__\w+)$`)}, // what editors and Drupal have thrown away
	{"content", regexp.MustCompile(`^(field_data_\w+|(node|media|taxonomy_term)__\w+)$`)},
}

// use says what becomes of a table of the site.
func (d *contentDB) use(table string) string {
	for use, names := range uses {
		if slices.Contains(names, table) {
			return use
		}
	}
	for _, p := range patterns {
		if p.name.MatchString(table) {
			return p.use
		}
	}
	return ""
}
