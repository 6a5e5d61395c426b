"""The only room that sees a label of the graph: ACC, NMI, ARI, supervised ceilings, the stage `evaluate`."""
