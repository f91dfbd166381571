package drupal

import "time"

// Throttle says how gently a live source is read. The zero value holds nothing back.
type Throttle struct {
	Rate   int           // rows a second at most; 0: as fast as it goes
	MaxLag time.Duration // wait while a replica of the source is further behind; 0: do not ask
	Flag   string        // wait while a file of this name exists; "": none
}

type slow struct {
	Source
}
