package drupal

import "context"

func (s *mysqlSource) Sweep(ctx context.Context, name string, within Span, width int64, yield func(Chunk) error) error {
	return Sweep(ctx, s, name, within, width, yield)
}
