package lantern

import (
	_ "embed"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/banyan-migration/banyan/shared/web"
)

//go:embed openapi.json
var openapi []byte

func (s *service) routes() *mux.Router {
	r := mux.NewRouter()
	r.Handle("/lantern/notes", web.JSON(http.StatusCreated, s.keep)).Methods("POST")
	r.Handle("/lantern/notes/{id}", web.Func(s.get)).Methods("GET")
	r.Handle("/lantern/openapi.json", web.File("application/json", openapi)).Methods("GET")
	return r
}

func (s *service) get(w http.ResponseWriter, r *http.Request) error {
	note, _, err := s.notes.Get(r.Context(), mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	web.Answer(w, http.StatusOK, note)
	return nil
}
