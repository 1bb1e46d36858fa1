"""What a plan must keep besides the shares of single parameters: exclusions, as rules over dimensions."""
