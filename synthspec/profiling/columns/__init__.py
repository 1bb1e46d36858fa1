"""What each column of a sample holds, as frozen values: nothing here knows of specs."""
