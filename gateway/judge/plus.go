package judge

// Plus is both cells as one: what two replicas counted in the same time. Time, revision and weight are those of c.
func (c Cell) Plus(d Cell) Cell {
	for side := range c.Side {
		c.Side[side].add(&d.Side[side])
	}
	c.Pairs = c.Pairs.Plus(d.Pairs)
	return c
}

// Plus adds all counts.
func (c Counts) Plus(d Counts) Counts {
	c.add(&d)
	return c
}

func (c *Counts) add(d *Counts) {
	c.Requests += d.Requests
	c.Visitors += d.Visitors
	c.Failed += d.Failed
	c.Network += d.Network
	c.Client += d.Client
	c.Posts += d.Posts
	c.Refused += d.Refused
	c.PostsFailed += d.PostsFailed
	c.Gifts += d.Gifts
	c.Lost += d.Lost
	c.Latency.add(&d.Latency)
}

// Plus adds all counts.
func (p Pairs) Plus(q Pairs) Pairs {
	p.Compared += q.Compared
	p.NewBad += q.NewBad
	p.LegacyBad += q.LegacyBad
	p.NewSlow += q.NewSlow
	p.LegacySlow += q.LegacySlow
	p.Differing += q.Differing
	p.Replays += q.Replays
	p.Noise += q.Noise
	p.Critical += q.Critical
	return p
}

// Plus adds bucket by bucket.
func (h Histogram) Plus(g Histogram) Histogram {
	h.add(&g)
	return h
}

func (h *Histogram) add(g *Histogram) {
	for i, n := range g {
		h[i] += n
	}
}
