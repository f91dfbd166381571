package drupal

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// named is what a reference stands for.
type named struct{ name, uri string }

func (n named) into(columns map[string]string) {
	if n.name != "" {
		columns["name"] = n.name
	}
	if n.uri != "" {
		columns["uri"] = n.uri
	}
}

// resolve finds what ids stand for: a file's URI, a term's or a media item's name.
func (s *nodeSheet) resolve(ctx context.Context, ids map[string][]string) (map[string]map[string]named, error) {
	all := map[string]map[string]named{}
	for target, of := range ids {
		query := s.naming(target)
		if query == "" {
			continue
		}
		all[target] = map[string]named{}
		slices.Sort(of)
		for part := range slices.Chunk(slices.Compact(of), sheet) {
			args := make([]any, 0, len(part))
			for _, id := range part {
				if n, err := strconv.ParseInt(id, 10, 64); err == nil {
					args = append(args, n)
				}
			}
			if len(args) == 0 {
				continue
			}
			err := s.each(ctx, s.tx, query+"(?"+strings.Repeat(", ?", len(args)-1)+")", args, func(f fields) error {
				all[target][f["id"]] = named{f["name"], f["uri"]}
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// naming is the query, but for its list of ids, that gives what ids stand for; "" where the site has no such table.
func (d *contentDB) naming(target string) string {
	switch {
	case target == "file" && d.has("file_managed", "fid", "uri"):
		return "SELECT fid AS id, '' AS name, uri FROM " + d.q("file_managed") + " WHERE fid IN "
	case target == "taxonomy_term" && d.has("taxonomy_term_data", "tid", "name"):
		return "SELECT tid AS id, name, '' AS uri FROM " + d.q("taxonomy_term_data") + " WHERE tid IN "
	case target == "taxonomy_term" && d.has("taxonomy_term_field_data", "tid", "name", "default_langcode"):
		return "SELECT tid AS id, name, '' AS uri FROM " + d.q("taxonomy_term_field_data") + " WHERE default_langcode = 1 AND tid IN "
	case target == "media" && d.has("media_field_data", "mid", "name", "default_langcode"):
		return d.media()
	}
	return ""
}

// media asks for media items with the file that each stands for, in whichever of their fields it lies.
func (d *contentDB) media() string {
	uri := "''"
	for _, field := range []string{"field_media_image", "field_media_document", "field_media_file", "field_media_audio_file", "field_media_video_file"} {
		if t := "media__" + field; d.has(t, "entity_id", field+"_target_id") {
			uri = "coalesce((SELECT f.uri FROM " + d.q(t) + " r JOIN " + d.q("file_managed") + " f ON f.fid = r." + field + "_target_id WHERE r.entity_id = m.mid AND r.delta = 0), " + uri + ")"
		}
	}
	return "SELECT m.mid AS id, m.name, " + uri + " AS uri FROM " + d.q("media_field_data") + " m WHERE m.default_langcode = 1 AND m.mid IN "
}
