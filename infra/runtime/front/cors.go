package front

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// CORS is an HTTP API's own configuration; with it the headers that functions set for it do not go out.
type CORS struct {
	Origins, Methods, Headers, Expose []string // "*" stands for all
	MaxAge                            int      // seconds; zero: none is said
	Credentials                       bool
}

// answer answers a preflight request, and sets the headers of every other one; true: it was a preflight.
func (c *CORS) answer(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	preflight := r.Method == http.MethodOptions && origin != "" && r.Header.Get("Access-Control-Request-Method") != ""
	if origin != "" && (slices.Contains(c.Origins, "*") || slices.Contains(c.Origins, origin)) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		if slices.Contains(c.Origins, "*") && !c.Credentials {
			h.Set("Access-Control-Allow-Origin", "*")
		} else {
			h.Add("Vary", "Origin")
		}
		if c.Credentials {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		if preflight {
			set(h, "Access-Control-Allow-Methods", c.Methods)
			set(h, "Access-Control-Allow-Headers", c.Headers)
			if c.MaxAge > 0 {
				h.Set("Access-Control-Max-Age", strconv.Itoa(c.MaxAge))
			}
		} else {
			set(h, "Access-Control-Expose-Headers", c.Expose)
		}
	}
	if preflight {
		w.WriteHeader(http.StatusNoContent)
	}
	return preflight
}

func set(h http.Header, name string, values []string) {
	if len(values) > 0 {
		h.Set(name, strings.Join(values, ","))
	}
}
