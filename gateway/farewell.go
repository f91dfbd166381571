package gateway

import ()

// How a connection ends: by itself, by its client, by the gateway.

// departed is called by the sweep when the client has closed its side while an upstream is being waited for (W-84).
func (c *conn) departed() {
	c.left.Store(true)
	if u := c.waiting.Load(); u != nil && c.droppable.Load() {
		u.Timer.Interrupt()
	}
}

// drain closes an idle connection, and lets a busy one finish.
func (c *conn) drain() {
	if !c.busy.Load() {
		c.timer.Interrupt()
	}
}

// abandon cuts the connection whatever it is doing.
func (c *conn) abandon() {
	c.nc.Close()
	if u := c.waiting.Load(); u != nil {
		u.Timer.Interrupt()
	}
}

func (c *conn) close() {
	c.timer.Forget()
	c.nc.Close()
}

// reset ends the connection so that the client sees that something broke: where the end of the connection is the end of the answer,
// an orderly one would make half an answer look whole (W-65).
func (c *conn) reset() {
	if c.tcp != nil {
		c.tcp.SetLinger(0)
	}
}

// goodbye closes the sending side and reads what the client still sends: a connection closed over unread bytes is reset,
// and the client may never see its last answer.
func (c *conn) goodbye() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.timer.Set(c.g.pace.linger)
	for range 64 {
		if _, err := c.read(c.home); err != nil && err != errInterrupted {
			return
		}
	}
}
