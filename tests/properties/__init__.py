"""Laws that hold for every order of events, looked for by machine."""
