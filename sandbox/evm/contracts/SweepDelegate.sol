// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface Balances {
    function balanceOf(address account) external view returns (uint256);
}

// Code that deposit addresses point at by EIP-7702. Anybody may call it, for that moves money to
// one place only: the treasury is part of the code, so no call, owner or storage can change it.
contract SweepDelegate {
    address public immutable treasury;

    error NoToken();
    error TokenRefused();

    constructor(address treasury_) {
        require(treasury_ != address(0));
        treasury = treasury_;
    }

    receive() external payable {}

    // Moves the whole balance of a token. USDT returns nothing from transfer, others return true.
    function flush(address token) external {
        if (token.code.length == 0) revert NoToken();
        uint256 units = Balances(token).balanceOf(address(this));
        (bool done, bytes memory answer) =
            token.call(abi.encodeWithSignature("transfer(address,uint256)", treasury, units));
        if (!done || (answer.length != 0 && !abi.decode(answer, (bool)))) revert TokenRefused();
    }
}
