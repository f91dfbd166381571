package wire

import "bytes"

const (
	maxChunkDigits = 15
	maxExtension   = 256     // bytes of extensions a chunk
	maxExtensions  = 4 << 10 // and a message
)

// Chunks reads a chunked body piece by piece (W-40, W-41). The zero value stands before the first chunk.
type Chunks struct {
	Trailer    []Field // the trailer section, valid until the bytes given to Next change
	left       int64   // data bytes of this chunk that have not come yet
	extensions int     // bytes of extensions so far
	state      chunkState
}

type chunkState uint8

const (
	atSize chunkState = iota
	inData
	afterData
	inTrailer
	atEnd
)

// Done says whether the whole body, trailers included, has been read.
func (c *Chunks) Done() bool { return c.state == atEnd }

// Next looks at the bytes that follow. They are skip bytes of framing and then data bytes of the body; the caller takes both off before it
// calls again. When both are 0 and the body is not Done, more bytes must come first: what is there must be kept and given again.
func (c *Chunks) Next(b []byte, l Limits) (skip, data int, err *Error) {
	for {
		rest := b[skip:]
		switch c.state {
		case inData:
			data = int(min(c.left, int64(len(rest))))
			if c.left -= int64(data); c.left == 0 {
				c.state = afterData
			}
			return skip, data, nil
		case afterData:
			if len(rest) > 0 && rest[0] != '\r' || len(rest) > 1 && rest[1] != '\n' {
				return 0, 0, bad("W-40", "no CRLF follows a chunk's data")
			}
			if len(rest) < 2 {
				return skip, 0, nil
			}
			skip, c.state = skip+2, atSize
		case atSize:
			n, err := c.size(rest)
			if err != nil || n == 0 {
				return skip, 0, err
			}
			skip += n
		case inTrailer:
			n, err := c.trailer(rest, l)
			return skip + n, 0, err
		case atEnd:
			return skip, 0, nil
		}
	}
}

// size reads a chunk line and says how long it is, 0 if it is not all there.
func (c *Chunks) size(b []byte) (int, *Error) {
	i := 0
	var n int64
	for i < len(b) && kinds[b[i]]&isHex != 0 {
		if i == maxChunkDigits {
			return 0, bad("W-40", "a chunk size has more than 15 digits")
		}
		n = n<<4 | int64(unhex(b[i]))
		i++
	}
	if i == len(b) {
		return 0, nil
	}
	if i == 0 || (b[i] != '\r' && b[i] != ';') {
		return 0, bad("W-40", "a chunk size is hex digits and nothing else")
	}
	end, err := extension(b[i:])
	if err != nil || end < 0 {
		return 0, err
	}
	if c.extensions += end; end > maxExtension || c.extensions > maxExtensions {
		return 0, bad("W-40", "chunk extensions are too long")
	}
	if c.left, c.state = n, inData; n == 0 {
		c.state = inTrailer
	}
	return i + end + 2, nil
}

// extension says how long the extensions before a chunk line's CRLF are, -1 if the line is not all there.
func extension(b []byte) (int, *Error) {
	for i, c := range b {
		switch {
		case c == '\r':
			if i+1 == len(b) {
				return -1, nil
			}
			if b[i+1] != '\n' {
				return 0, bad("W-40", "a CR stands without its LF in a chunk line")
			}
			return i, wellFormed(b[:i])
		case kinds[c]&isText == 0:
			return 0, bad("W-40", "a chunk line holds a control byte")
		case i > maxExtension:
			return 0, bad("W-40", "chunk extensions are too long")
		}
	}
	return -1, nil
}

// wellFormed checks *( ";" name [ "=" value ] ); a semicolon without a name is a way to hide bytes from another reader.
func wellFormed(b []byte) *Error {
	wrong := bad("W-40", "a chunk extension is malformed")
	token := func() bool {
		n := 0
		for n < len(b) && lower[b[n]] != 0 {
			n++
		}
		b = b[n:]
		return n > 0
	}
	for len(b) > 0 {
		if b[0] != ';' {
			return wrong
		}
		b = trim(b[1:])
		if !token() {
			return wrong
		}
		b = trim(b)
		if len(b) == 0 || b[0] != '=' {
			continue
		}
		b = trim(b[1:])
		if len(b) > 0 && b[0] == '"' {
			if b = quoted(b); b == nil {
				return wrong
			}
		} else if !token() {
			return wrong
		}
		b = trim(b)
	}
	return nil
}

// quoted skips a quoted string; nil if it does not end.
func quoted(b []byte) []byte {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return b[i+1:]
		}
	}
	return nil
}

// trailer reads the trailer section and says how long it is, 0 if it is not all there.
func (c *Chunks) trailer(b []byte, l Limits) (int, *Error) {
	end := 0
	switch i := bytes.Index(b, []byte("\r\n\r\n")); {
	case len(b) >= 2 && b[0] == '\r' && b[1] == '\n':
		end = 2
	case i >= 0:
		end = i + 4
	case len(b) > l.Head:
		return 0, over(431, "W-67", "the trailers are too long", l.Head, "bytes")
	default:
		return 0, lineEnds(b, 0)
	}
	if lineBreaks(b[:end]) != nil {
		return 0, bad("W-1", "the trailers hold a bare CR or LF")
	}
	var err *Error
	if c.Trailer, err = fields(b[:end], l, c.Trailer[:0]); err != nil {
		return 0, err
	}
	c.state = atEnd
	return end, nil
}

// Trailing says whether a field may stand in a trailer section: nothing that frames, routes or authenticates (W-41).
func (n Name) Trailing() bool {
	switch n {
	case Other, Via, Link, AcceptEncoding, UserAgent, Date:
		return true
	}
	return false
}

// Reset puts the reader before the first chunk of another body.
func (c *Chunks) Reset() { *c = Chunks{Trailer: c.Trailer[:0]} }

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	default:
		return c | 0x20 - 'a' + 10
	}
}
