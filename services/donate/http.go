package donate

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
	r.Handle("/donations", web.JSON(http.StatusCreated, s.create)).Methods("POST")
	r.Handle("/donations/{id}", web.Func(s.get)).Methods("GET")
	r.Handle("/donate", web.Func(s.handOver)).Methods("GET")
	r.Handle("/carts/{id}", web.Func(s.getCart)).Methods("GET")
	r.Handle("/carts/{id}", web.Func(s.putCart)).Methods("PUT")
	r.Handle("/donate/openapi.json", web.File("application/json", openapi)).Methods("GET")
	return r
}

// get says what became of a gift, to whoever has its secret id.
func (s *service) get(w http.ResponseWriter, r *http.Request) error {
	gift, _, err := s.gifts.Get(r.Context(), mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	web.Answer(w, http.StatusOK, gift.view())
	return nil
}
