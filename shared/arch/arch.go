// Package arch holds no code: its tests guard the house. They say who may import whom, that every package explains
// itself, and that every rule of the wire contract is proved by a test.
package arch
