package drupal

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// sheet is how many nodes are read at once, in a transaction of their own, so that a node is seen as it was at one moment.
const sheet = 500

func (d *contentDB) Nodes(ctx context.Context, yield func(Node) error) error {
	return d.nodes(ctx, "", Span{}, yield)
}

// nodes gives the nodes of a bundle, "" for all, within a span of nids.
func (d *contentDB) nodes(ctx context.Context, bundle string, within Span, yield func(Node) error) error {
	tables, err := d.nodeFields(ctx)
	if err != nil {
		return err
	}
	for {
		var nodes []Node
		err := d.again(ctx, func() (err error) { nodes, err = d.sheet(ctx, tables, bundle, within); return err })
		if err != nil {
			return fmt.Errorf("nodes after %d: %w", within.After, err)
		}
		if len(nodes) == 0 {
			return nil
		}
		for _, n := range nodes {
			if err := yield(n); err != nil {
				return err
			}
		}
		within.After = nodes[len(nodes)-1].NID
	}
}

func (d *contentDB) sheet(ctx context.Context, tables []fieldTable, bundle string, within Span) ([]Node, error) {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("drupal: %w", err)
	}
	defer tx.Rollback() // it wrote nothing
	nodes, err := d.heads(ctx, tx, bundle, within)
	if err != nil || len(nodes) == 0 {
		return nil, err
	}
	s := nodeSheet{contentDB: d, tx: tx, bundle: bundle, at: map[int64]*Node{}, from: nodes[0].NID, to: nodes[len(nodes)-1].NID}
	for i := range nodes {
		s.at[nodes[i].NID] = &nodes[i]
	}
	if err := s.aliases(ctx); err != nil {
		return nil, err
	}
	if d.version == 8 {
		if err := s.translations(ctx); err != nil {
			return nil, err
		}
	}
	for _, t := range tables {
		if err := s.field(ctx, t); err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

// heads reads the nodes without their fields.
func (d *contentDB) heads(ctx context.Context, tx *sql.Tx, bundle string, within Span) (nodes []Node, err error) {
	table, language, where := "node", "language", ""
	if d.version == 8 {
		table, language, where = "node_field_data", "langcode", " AND n.default_langcode = 1"
	}
	args := []any{within.After}
	if within.Until > 0 {
		where, args = where+" AND n.nid <= ?", append(args, within.Until)
	}
	if bundle != "" {
		where, args = where+" AND n.type = ?", append(args, bundle)
	}
	query := "SELECT n.*, (SELECT count(*) FROM " + d.q("node_revision") + " r WHERE r.nid = n.nid) AS banyan_revisions FROM " +
		d.q(table) + " n WHERE n.nid > ?" + where + " ORDER BY n.nid LIMIT " + strconv.Itoa(sheet)
	last := within.After
	err = d.each(ctx, tx, query, args, func(f fields) error {
		n := Node{
			NID: f.number("nid"), VID: f.number("vid"), Type: f["type"], Language: f[language], Title: f["title"], Author: f.number("uid"),
			Published: f.number("status") == 1, Promoted: f.number("promote") == 1, Revisions: int(f.number("banyan_revisions")),
			Created: time.Unix(f.number("created"), 0).UTC(), Changed: time.Unix(f.number("changed"), 0).UTC(), Fields: map[string][]map[string]string{},
		}
		// A row that stands twice is one node. SQLite sorts what is no number behind them all.
		if n.NID > last {
			nodes, last = append(nodes, n), n.NID
		}
		return nil
	})
	return nodes, err
}

// nodeSheet is some nodes whose fields are being read.
type nodeSheet struct {
	*contentDB
	tx       *sql.Tx
	bundle   string
	at       map[int64]*Node
	from, to int64
}

// aliases gives each node the newest address in its language, or else in none.
func (s *nodeSheet) aliases(ctx context.Context) error {
	t := s.aliasTable()
	if t == nil {
		return nil
	}
	paths, args := []string{}, []any{}
	for nid := range s.at {
		paths, args = append(paths, "?"), append(args, t.slash+"node/"+strconv.FormatInt(nid, 10))
	}
	query := fmt.Sprintf("SELECT * FROM %s WHERE %s IN (%s) ORDER BY %s", s.q(t.name), t.source, strings.Join(paths, ", "), t.id)
	own := map[int64]bool{} // what it has is in its own language
	return s.each(ctx, s.tx, query, args, func(f fields) error {
		a, live := t.alias(f)
		nid, _ := strconv.ParseInt(strings.TrimPrefix(a.Source, "node/"), 10, 64)
		n := s.at[nid]
		if !live || n == nil {
			return nil
		}
		mine := a.Language == n.Language
		if mine || n.Alias == "" || !own[nid] {
			n.Alias, own[nid] = a.Alias, own[nid] || mine
		}
		return nil
	})
}

func (s *nodeSheet) translations(ctx context.Context) error {
	query := "SELECT nid, langcode, title FROM " + s.q("node_field_data") + " WHERE default_langcode <> 1 AND nid >= ? AND nid <= ? ORDER BY nid, langcode"
	return s.each(ctx, s.tx, query, []any{s.from, s.to}, func(f fields) error {
		if n := s.at[f.number("nid")]; n != nil {
			n.Fields["translated_title"] = append(n.Fields["translated_title"], map[string]string{"value": f["title"], "language": f["langcode"]})
		}
		return nil
	})
}
