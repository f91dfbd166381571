package drupal

import "context"

// Hook is something that a webform does besides storing.
type Hook struct {
	NID  int64
	Form string // its Form.Name
	Kind string // email, rule, captcha, limit, confirmation, handler, private
	What string // for a person to read; it names no donor
}

func (d *contentDB) Hooks(ctx context.Context) ([]Hook, error) { return nil, nil }
