package judge

// enough is how many visits of each side a block holds at least. A block of one visit says nothing: its failure was bound to be where
// the visit was. Three a side keep nine tenths of what single visits at a known share would say, and at a hundredth of the weight a
// block still ends within 300 visits.
const enough = 3

// attribution is J-3 on events of visits: if both sides are equally good, an event belongs to the new side with the chance that is
// its share of the visits. Visits are gathered into a block until both sides have enough of them, which depends on who came and not
// on how they fared. Within a block the share is what it was, not what the weight says: buckets are sticky, and a handful of
// visitors who come often make the true share another. Given the visits, whose they are is a draw without replacement; a bet computed as
// if each were drawn for itself is then at most fair, since such draws are negatively associated (Joag-Dev and Proschan 1983).
type attribution struct {
	Visits [2]int64 `json:"visits"` // of the open block
	Events [2]int64 `json:"events"`
	Bet    bet      `json:"bet"`
}

// add takes what came since the last call: visits and events by side. The bet's side is the new one, or legacy where mirrored.
func (a *attribution) add(visits, events [2]int64, mirrored bool) {
	for side := range visits {
		a.Visits[side] += visits[side]
		a.Events[side] += events[side]
	}
	if a.Visits[Legacy] < enough || a.Visits[New] < enough {
		return
	}
	worse, other := New, Legacy
	if mirrored {
		worse, other = other, worse
	}
	var g gains
	g.events(a.Events[worse], a.Events[other], share(a.Visits[worse], a.Visits[other]), 1)
	a.Bet.take(&g, unlimited)
	a.Visits, a.Events = [2]int64{}, [2]int64{}
}

// share is a's part of a and b.
func share(a, b int64) float64 { return float64(a) / (float64(a) + float64(b)) }
