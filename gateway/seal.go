package gateway

import (
	"time"

	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/mark"
)

// seal tells the services whose request it is: shared/mark's X-Banyan-Client. The zero seal, without a key, tells nothing.
type seal struct {
	keys   mark.Keys
	id     string
	signer mark.Signer
}

func newSeal(secrets []split.Secret) seal {
	s := seal{keys: mark.Keys{}}
	for _, secret := range secrets {
		s.keys[secret.ID] = secret.Value
	}
	if len(secrets) > 0 {
		s.id = secrets[0].ID
		s.signer = s.keys.Signer(s.id)
	}
	return s
}

// line appends X-Banyan-Client without allocating: it stands in every request to a service.
func (s *seal) line(dst []byte, client string, id []byte, now time.Time) []byte {
	if s.id == "" {
		return dst
	}
	dst = append(dst, mark.ClientHeader+": "...)
	return append(s.signer.AppendClient(dst, client, id, now), "\r\n"...)
}
