package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/infra/cost"
)

func costVerb(w *world) *cobra.Command {
	c := &cobra.Command{Use: "cost", Short: "What it cost, and what it costs now"}
	c.AddCommand(costReport(w), costPrices(w))
	return c
}

func costReport(w *world) *cobra.Command {
	var asJSON bool
	var page string
	c := &cobra.Command{
		Use:     "report",
		Short:   "The case's two bills, with what they do not have in common",
		Example: "  banyan cost report --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			r := cost.Reference()
			if page != "" {
				if err := writePage(page, r); err != nil {
					return &exit{outside, err}
				}
			}
			if asJSON {
				return printJSON(w.out, r)
			}
			printReport(w.out, r)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON document")
	c.Flags().StringVar(&page, "html", "", "file to write the report to as a page that loads nothing")
	return c
}

func writePage(name string, r *cost.Report) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(r.HTML(f), f.Close())
}

func printReport(out io.Writer, r *cost.Report) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%s\t$%s\t  %s\n", r.Then.Name, r.Then.Total.StringFixed(2), r.Then.Lines[0].Item)
	fmt.Fprintf(t, "%s\t$%s\t  %s\n", r.Now.Name, r.Now.Total.StringFixed(2), r.Now.Lines[0].Item)
	_ = t.Flush() // out keeps its own errors
	fmt.Fprintf(out, "%s %% less; the first cost %s times the second.\n\nBeside the number:\n", r.SavedPercent(), r.Ratio(1))
	for _, s := range r.Scope {
		fmt.Fprintln(out, "-", s)
	}
	fmt.Fprintln(out, "\nNot known:")
	for _, u := range r.Unknown {
		fmt.Fprintf(out, "- %s: %s\n", u.Item, u.Why)
	}
	fmt.Fprintln(out, "\nSources:")
	for _, s := range r.Sources {
		fmt.Fprintln(out, "-", s)
	}
}

func costPrices(w *world) *cobra.Command {
	c := &cobra.Command{Use: "prices", Short: "The price book: dated, with its sources"}
	var asJSON bool
	var region, file string
	show := &cobra.Command{
		Use:     "show",
		Short:   "Every price of a region, and what has none",
		Example: "  banyan cost prices show --region eu-west-2",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b, err := priceBook(region, file)
			if err != nil {
				return &exit{wrong, err}
			}
			if asJSON {
				return printJSON(w.out, b)
			}
			printPrices(w.out, b)
			return nil
		},
	}
	show.Flags().BoolVar(&asJSON, "json", false, "one JSON document")
	show.Flags().StringVar(&region, "region", cost.Region, "region of the shipped book")
	show.Flags().StringVar(&file, "prices", "", "a book of your own instead, in the shipped books' format")
	c.AddCommand(show)
	return c
}

func priceBook(region, file string) (*cost.Book, error) {
	if file != "" {
		return cost.Open(file)
	}
	return cost.Prices(region)
}

func printPrices(out io.Writer, b *cost.Book) {
	fmt.Fprintf(out, "%s, %s before tax\n", b.Region, b.Currency)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(b.Rates)) {
		r := b.Rates[name]
		if r.Missing != "" {
			fmt.Fprintf(t, "%s\tunknown\t%s\n", r.Title, r.Missing)
			continue
		}
		for i, tier := range r.Tiers {
			title, price := r.Title, tier.Price.String()+" per "+unit(r)
			if i > 0 {
				title = "  and then"
			}
			if !tier.UpTo.IsZero() {
				price += " up to " + tier.UpTo.String()
			}
			fmt.Fprintf(t, "%s\t%s\t%s\n", title, price, r.Date)
		}
	}
	_ = t.Flush() // out keeps its own errors
}

func unit(r cost.Rate) string {
	if r.Per.IsPositive() {
		return r.Per.String() + " " + r.Unit + "s"
	}
	return r.Unit
}

// printJSON writes one document, indented for people.
func printJSON(out io.Writer, doc any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", " ")
	return e.Encode(doc)
}
