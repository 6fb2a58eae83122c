module psat-attestor.test/e2e/certificates

go 1.26.0
