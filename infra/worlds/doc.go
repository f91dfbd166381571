// Package worlds plays the services' scenarios in every world there is, and proves what a deployment is: one start of each
// emulator, one build, one table. It has tests only; `make worlds` runs them.
//
//	memory   one process, kv.Mem, messages at the test's word          go test
//	sqlite   banyan up: one process, one file a store                  banyan up
//	lambda   real bootstraps under our player, moto's DynamoDB, SNS, SQS   banyan up --lambda
//	stack    template.yaml deployed by sam, ministack runs it all      sam deploy
package worlds
