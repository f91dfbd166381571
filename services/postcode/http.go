package postcode

import (
	_ "embed"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/banyan-migration/banyan/shared/contact"
	"github.com/banyan-migration/banyan/shared/web"
)

//go:embed openapi.json
var openapi []byte

func (s *service) routes() *mux.Router {
	r := mux.NewRouter()
	r.HandleFunc("/postcode/lookup", func(w http.ResponseWriter, r *http.Request) {
		web.Plain(w, http.StatusOK, s.lookup(r.URL.Query().Get("query")))
	}).Methods("GET")
	r.HandleFunc("/postcode/lookup/{postcode}", func(w http.ResponseWriter, r *http.Request) {
		web.Plain(w, http.StatusOK, s.lookup(mux.Vars(r)["postcode"]))
	}).Methods("GET")
	r.HandleFunc("/schools/lookup", func(w http.ResponseWriter, r *http.Request) {
		web.Answer(w, http.StatusOK, map[string][]School{"schools": s.find(r.URL.Query().Get("query"))})
	}).Methods("GET")
	r.HandleFunc("/postcodes/{pc}", s.known).Methods("GET")
	r.Handle("/postcode/openapi.json", web.File("application/json", openapi)).Methods("GET")
	return r
}

// known is GET /postcodes/{pc}: in our envelope, and beside it as clients of postcodes.io read it. Malformed and unknown
// are both 404; one that is no longer in use says since when (POST-12).
func (s *service) known(w http.ResponseWriter, r *http.Request) {
	answer := map[string]any{"data": struct{}{}, "status": http.StatusNotFound}
	p, err := contact.ParsePostcode(mux.Vars(r)["pc"])
	place, there := s.places[p]
	switch {
	case err != nil:
		answer["error"] = "Invalid postcode"
	case !there:
		answer["error"] = "Postcode not found"
	case place.ended > 0:
		answer["error"] = "Postcode not found"
		answer["terminated"] = Terminated{p, place.ended / 100, place.ended % 100, place.Latitude, place.Longitude}
	default:
		web.Plain(w, http.StatusOK, map[string]any{"status": http.StatusOK, "result": place, "data": place, "message": "success"})
		return
	}
	answer["message"] = answer["error"]
	web.Plain(w, http.StatusNotFound, answer)
}
