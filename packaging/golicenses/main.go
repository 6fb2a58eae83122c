// Command golicenses tells the SPDX identifier of each licence text that is named on its command line, one a line,
// "unknown" where less than most of the text is a licence that it knows.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/google/licensecheck"
)

// Below this much of a file, in percent, some of its words are not the licence's.
const enough = 75

func main() {
	log.SetFlags(0)
	for _, name := range os.Args[1:] {
		text, err := os.ReadFile(name)
		if err != nil {
			log.Fatal(err)
		}
		found := licensecheck.Scan(text)
		if found.Percent < enough || len(found.Match) == 0 {
			fmt.Println("unknown")
			continue
		}
		fmt.Println(found.Match[0].ID)
	}
}
