package content

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/banyan-migration/banyan/gateway/frozen"
)

// plant writes what servers other than the gateway need: public, a plain tree with an index.html for each page, and serve, the lists that a
// plain tree cannot say: redirects, and pages by query. It returns the addresses that a tree cannot hold.
func (c *crawl) plant(m *frozen.Manifest) ([]frozen.Left, error) {
	public, err := c.keep.grow("public")
	if err != nil {
		return nil, err
	}
	serve, err := c.keep.grow("serve")
	if err != nil {
		return nil, err
	}
	var redirects, queries bytes.Buffer
	var store []entry
	var no []frozen.Left
	for i := range m.Pages {
		p := &m.Pages[i]
		if p.Location != "" {
			fmt.Fprintf(&redirects, "%s %s;\n", quote(p.At), quote(p.Location))
			store = append(store, entry{p.At, fmt.Sprintf("%d %s", p.Status, p.Location)})
			continue
		}
		name := fileOf(p)
		if err := c.keep.place(p, filepath.Join(public, filepath.FromSlash(name))); err != nil {
			no = append(no, frozen.Left{At: p.At, Why: "a plain tree cannot hold it: " + plain(err)})
			continue
		}
		if strings.Contains(p.At, "?") {
			fmt.Fprintf(&queries, "%s %s;\n", quote(p.At), quote("/"+name))
			store = append(store, entry{"? " + p.At, "/" + (&url.URL{Path: name}).EscapedPath()})
		}
	}
	if m.Missing != nil {
		if err := c.keep.place(m.Missing, filepath.Join(public, "404.html")); err != nil {
			return nil, err
		}
	}
	kvs, err := json.MarshalIndent(map[string]any{"data": store}, "", " ")
	if err != nil {
		return nil, err
	}
	for name, text := range map[string][]byte{"redirects.map": redirects.Bytes(), "queries.map": queries.Bytes(), "cloudfront.json": kvs, "nginx.conf": []byte(nginx), "README.md": []byte(serving)} {
		if err := os.WriteFile(filepath.Join(serve, name), text, 0o644); err != nil {
			return nil, kept(err)
		}
	}
	return no, nil
}

// entry is one of CloudFront's KeyValueStore.
type entry struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// fileOf is where a page lies in a plain tree: a file under its own name, a page as the index of a folder of that name.
func fileOf(p *frozen.Page) string {
	at, query, varies := strings.Cut(p.At, "?")
	name, err := url.PathUnescape(at)
	if err != nil {
		name = at
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if varies {
		name = path.Join(name, "_"+strings.ReplaceAll(url.PathEscape(query), "/", "%2F"))
	}
	if kindOf(p.Type) == isPage && path.Ext(name) != ".html" {
		return path.Join(name, "index.html")
	}
	if path.Ext(name) == "" {
		return path.Join(name, "index")
	}
	return name
}

func plain(err error) string {
	if e, is := err.(*os.LinkError); is {
		return e.Err.Error()
	}
	return "a file and a folder of one name"
}

// quote writes a text as nginx reads it.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(s) + `"`
}

const nginx = `# The frozen site behind nginx: put this into http {}, and the folder's own path in place of /srv/frozen.
map $request_uri $frozen_redirect { default ""; include /srv/frozen/serve/redirects.map; }
map $request_uri $frozen_query { default ""; include /srv/frozen/serve/queries.map; }
server {
  listen 8080;
  root /srv/frozen/public;
  default_type text/html;
  charset utf-8;
  absolute_redirect off;
  if ($frozen_redirect) { return 301 $frozen_redirect; }
  location / {
    if ($request_method !~ ^(GET|HEAD)$) { return 405; }
    if ($arg_q) { rewrite ^ /$arg_q? last; }
    try_files $frozen_query $uri $uri/index.html $uri/index =404;
  }
  error_page 404 /404.html;
}
`

const serving = `# A frozen site behind other servers

The gateway takes the folder above as it is: ` + "`backends: {pages: {dir: FOLDER}}`" + `. For others:

- public/: every page as PATH/index.html, every file under its own name. Any file server gives it.
- redirects.map, queries.map: what a plain tree cannot say, for nginx; nginx.conf shows how they are included. Redirects are 301 there.
- cloudfront.json: the same for infra/content.yaml: ` + "`aws s3 sync public s3://BUCKET --delete`" + `, then put the pairs into the KeyValueStore of
  the stack's output (` + "`aws cloudfront-keyvaluestore update-keys`" + `, 50 at a time).

Each freeze makes a new public and turns the link to it at once; the one before stays until the next freeze.
`
