// Package site is the sample site: an invented charity's Drupal 7.105, recorded. It holds the database dump and what
// is truly in it, 34 exchanges as they went over the wire, and March 2019's access log. All people are invented.
package site

import _ "embed"

var (
	//go:embed drupal7.sql.gz
	Dump []byte // mysqldump of the whole database, gzipped
	//go:embed drupal7.truth.json
	Truth []byte // rows, migratable, rejected by reason and sums in pence, by form
	//go:embed captures.json
	Captures []byte // {about, exchanges: [{name, request, response}]}
	//go:embed access.log.gz
	AccessLog []byte // 60,000 lines, nginx combined with the request's time, gzipped
)
