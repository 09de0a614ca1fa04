"""Bitcoin on one machine: a regtest node of ours over Core's consensus, and Litecoin's own."""
